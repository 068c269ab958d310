import Foundation
import Testing

@testable import Numerics

/// Kernel variants of this CPU, the reference first.
private let variants = Kernels.InstructionSet.allCases.compactMap { Kernels($0) }

@Suite struct KernelTests {
  /// Random GGML blocks for a matrix, and what they stand for.
  private func blocks(
    rows: Int, columns: Int, precision: QuantizedMatrix.Precision, seed: UInt64, extreme: Bool = false
  ) -> [UInt8] {
    var random = SeededRandom(seed: seed)
    var bytes: [UInt8] = []
    for _ in 0..<(rows * columns / 32) {
      let scale = Float16(extreme ? 1 : 0.01 + random.uniform() * 0.05).bitPattern
      bytes += [UInt8(scale & 255), UInt8(scale >> 8)]
      for _ in 0..<(precision == .eightBit ? 32 : 16) {
        bytes.append(
          extreme ? (random.next() & 1 == 0 ? 0x80 : 0x7f) : UInt8(truncatingIfNeeded: random.next()))
      }
    }
    return bytes
  }

  @Test(arguments: [(1, 32), (5, 64), (16, 32), (17, 96), (33, 256), (130, 64)])
  func everyVariantEqualsTheDequantisedProduct(rows: Int, columns: Int) {
    for precision in [QuantizedMatrix.Precision.eightBit, .fourBit] {
      let raw = blocks(rows: rows, columns: columns, precision: precision, seed: 7)
      let matrix = raw.withUnsafeBytes {
        QuantizedMatrix(ggmlBlocks: $0, rows: rows, columns: columns, precision: precision)
      }
      let dense = matrix.dequantized()
      for tokens in [1, 2, 3, 4, 7, 8, 9, 13] {
        var random = SeededRandom(seed: UInt64(tokens))
        let x = (0..<tokens * columns).map { _ in random.uniform(within: 3) }
        for kernels in variants {
          let activations = QuantizedActivations(capacity: tokens, width: columns)
          activations.load(x, rows: tokens, pool: .shared, kernels: kernels)
          var out = [Float](repeating: .nan, count: tokens * rows)
          matrix.multiply(activations, into: &out, outStride: rows, pool: .shared, kernels: kernels)
          for t in 0..<tokens {
            for r in 0..<rows {
              var exact = 0.0
              var bound = 0.0
              for i in 0..<columns {
                exact += Double(dense[r * columns + i]) * Double(x[t * columns + i])
                bound += abs(Double(dense[r * columns + i])) * 3 / 254 * 1.01
              }
              #expect(abs(Double(out[t * rows + r]) - exact) <= bound + 1e-4, "\(kernels.name) \(precision)")
            }
          }
        }
      }
    }
  }

  @Test func aTokensProductDoesNotDependOnItsCompanions() {
    for precision in [QuantizedMatrix.Precision.eightBit, .fourBit] {
      let (rows, columns, tokens) = (40, 160, 11)
      let raw = blocks(rows: rows, columns: columns, precision: precision, seed: 5)
      let matrix = raw.withUnsafeBytes {
        QuantizedMatrix(ggmlBlocks: $0, rows: rows, columns: columns, precision: precision)
      }
      var random = SeededRandom(seed: 2)
      let x = (0..<tokens * columns).map { _ in random.uniform(within: 3) }
      for kernels in variants {
        let together = QuantizedActivations(capacity: tokens, width: columns)
        together.load(x, rows: tokens, pool: .shared, kernels: kernels)
        var out = [Float](repeating: .nan, count: tokens * rows)
        matrix.multiply(together, into: &out, outStride: rows, pool: .shared, kernels: kernels)
        for t in 0..<tokens {
          var alone = [Float](repeating: .nan, count: rows)
          matrix.multiply(
            together, rows: t..<(t + 1), tiles: 0..<matrix.tiles, into: &alone, outStride: rows,
            kernels: kernels)
          #expect(alone == Array(out[t * rows..<(t + 1) * rows]), "\(kernels.name)")
        }
      }
    }
  }

  @Test func gatheredRowsAndRepackedBytesAreTheSameWeights() {
    for precision in [QuantizedMatrix.Precision.eightBit, .fourBit] {
      let raw = blocks(rows: 37, columns: 96, precision: precision, seed: 9)
      let matrix = raw.withUnsafeBytes {
        QuantizedMatrix(ggmlBlocks: $0, rows: 37, columns: 96, precision: precision)
      }
      let dense = matrix.dequantized().array
      let ids = [36, 0, 17, 16, 15, 3, 36]
      let gathered = matrix.gathering(ids).dequantized().array
      for (row, id) in ids.enumerated() {
        #expect(Array(gathered[row * 96..<(row + 1) * 96]) == Array(dense[id * 96..<(id + 1) * 96]))
      }
      let copy = matrix.withPackedBytes { bytes in
        let owner = Buffer<UInt8>(Array(bytes))
        return QuantizedMatrix(
          packed: UnsafeRawBufferPointer(start: owner.pointer, count: owner.count), keeping: owner, rows: 37,
          columns: 96, precision: precision)
      }
      #expect(copy.dequantized().array == dense)
    }
  }

  @Test func extremeWeightsAndActivationsDoNotSaturate() {
    let raw = blocks(rows: 16, columns: 64, precision: .eightBit, seed: 3, extreme: true)
    let matrix = raw.withUnsafeBytes {
      QuantizedMatrix(ggmlBlocks: $0, rows: 16, columns: 64, precision: .eightBit)
    }
    let dense = matrix.dequantized()
    let x = (0..<64).map { $0 % 3 == 0 ? Float(-1) : 1 }
    for kernels in variants {
      let activations = QuantizedActivations(capacity: 1, width: 64)
      activations.load(x, rows: 1, pool: .shared, kernels: kernels)
      var out = [Float](repeating: 0, count: 16)
      matrix.multiply(activations, into: &out, outStride: 16, pool: .shared, kernels: kernels)
      for r in 0..<16 {
        let exact = (0..<64).reduce(Float(0)) { $0 + dense[r * 64 + $1] * x[$1] }
        #expect(abs(out[r] - exact) < 0.01, "\(kernels.name)")
      }
    }
  }

  @Test func vectorKernelsAgreeWithTheReferenceAtEveryLength() throws {
    let reference = try #require(Kernels(.reference))
    for kernels in variants {
      for n in 1...130 {
        var random = SeededRandom(seed: UInt64(n))
        let a = (0..<n).map { _ in random.uniform(within: 4) }
        let b = (0..<n).map { _ in random.uniform(within: 4) }
        let norm = a.reduce(0) { $0 + abs($1) } * 4
        #expect(
          abs(kernels.dot(a, b, count: n) - reference.dot(a, b, count: n)) <= Float(n) * 1.2e-7 * norm + 1e-6)
        var p = a
        kernels.softmax(&p, count: n, scale: 0.7)
        #expect(abs(p.reduce(0, +) - 1) < 1e-5)
        #expect(kernels.argmax(a, count: n) == a.indices.max { a[$0] < a[$1] })
        let exact = Double(a.map { Double($0) }.map { exp($0) }.reduce(0, +))
        #expect(abs(Double(kernels.logSumExp(a, count: n)) - log(exact)) < 1e-5)
        var g = [Float](repeating: 0, count: n)
        kernels.geluMul(gate: a, up: b, count: n, into: &g)
        for i in 0..<n {
          let x = Double(a[i])
          let gelu = 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
          #expect(abs(Double(g[i]) - gelu * Double(b[i])) < 3e-6 * 16)
        }
      }
    }
  }

  /// Values near 0 and some far out, where clamps act.
  private func values(_ count: Int, _ random: inout SeededRandom) -> [Float] {
    (0..<count).map { _ in random.uniform(within: random.uniform() < 0.1 ? 120 : 3) }
  }

  private func expectClose(_ found: [Float], _ wanted: [Float], _ what: String, _ tolerance: Float = 2e-5) {
    let scale = wanted.reduce(1) { max($0, abs($1)) }
    for (a, b) in zip(found, wanted) where !(abs(a - b) <= tolerance * scale) {
      Issue.record("\(what): \(a) instead of \(b)")
      return
    }
  }

  @Test func forwardKernelsOfEveryVariantEqualTheReference() throws {
    let reference = try #require(Kernels(.reference))
    for kernels in variants {
      for n in [1, 7, 16, 33, 64, 130] {
        var random = SeededRandom(seed: UInt64(n) + 5)
        let (a, b) = (values(n, &random), values(n, &random))
        func both(_ what: String, _ run: (Kernels, inout [Float]) -> Void) {
          var (found, wanted) = (b, b)
          run(kernels, &found)
          run(reference, &wanted)
          expectClose(found, wanted, "\(kernels.name) \(what) of \(n)")
        }
        both("softmax") { k, x in k.softmax(&x, count: n, scale: 0.7) }
        both("rmsNorm") { k, x in k.rmsNorm(a, gain: b, count: n, epsilon: 1e-6, into: &x) }
        both("geluMul") { k, x in k.geluMul(gate: a, up: b, count: n, into: &x) }
        both("axpy") { k, x in k.axpy(0.3, a, count: n, addingTo: &x) }
        both("logSumExp") { k, x in x[0] = k.logSumExp(a, count: n) }
        both("crossEntropy") { k, x in x[n / 2] += k.crossEntropy(&x, count: n, target: n / 3, weight: 0.5) }
        guard n % 2 == 0 else { continue }
        let (cosine, sine) = (a.map { cos($0) }, a.map { sin($0) })
        both("rope") { k, x in k.rope(&x, cosine: cosine, sine: sine, half: n / 2) }
        both("rope back") { k, x in k.rope(&x, cosine: cosine, sine: sine, half: n / 2, sign: -1) }
        both("attend") { k, x in
          var scores = [Float](repeating: 0, count: 5)
          let keys = (0..<5 * n).map { sin(Float($0)) }
          k.attend(
            query: a, keys: keys, values: keys, range: 1..<5, stride: n, headDim: n, scale: 0.1,
            scores: &scores,
            into: &x)
        }
      }
    }
  }

  @Test func backwardKernelsOfEveryVariantEqualTheReference() throws {
    let reference = try #require(Kernels(.reference))
    for kernels in variants {
      for n in [1, 16, 33, 130] {
        var random = SeededRandom(seed: UInt64(n) + 9)
        let (a, b, d) = (values(n, &random), values(n, &random), values(n, &random))
        func both(_ what: String, _ run: (Kernels, inout [Float], inout [Float]) -> Void) {
          var (found, wanted) = ((b, d), (b, d))
          run(kernels, &found.0, &found.1)
          run(reference, &wanted.0, &wanted.1)
          expectClose(found.0, wanted.0, "\(kernels.name) \(what) of \(n)", 1e-4)
          expectClose(found.1, wanted.1, "\(kernels.name) \(what) of \(n)", 1e-4)
        }
        both("rmsNorm backward") { k, x, _ in
          k.rmsNormBackward(a, gain: b, inverse: 0.4, dout: d, count: n, addingTo: &x)
        }
        both("gelu backward") { k, x, y in
          k.geluMulBackward(gate: a, up: b, dout: d, count: n, dgate: &x, dup: &y)
        }
        both("softmax backward") { k, x, _ in
          var p = a
          reference.softmax(&p, count: n, scale: 0.1)
          k.softmaxBackward(p: p, dp: &x, count: n, scale: 0.1)
        }
        both("adamW") { k, x, y in
          var second = a.map { $0 * $0 }
          k.adamW(
            parameters: &x, gradients: a, first: &y, second: &second, count: n,
            .init(learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, step: 3))
        }
      }
    }
  }

  @Test func poolRunsEveryChunkOnceWhateverTheLoad() {
    let pool = WorkerPool(threads: 3)
    for round in 0..<500 {
      let count = round % 17
      let hits = Buffer<Int32>(max(1, count))
      pool.run(count) { hits.pointer[$0] += 1 }
      #expect(hits.array.prefix(count).allSatisfy { $0 == 1 })
    }
  }

  @Test func denseProductsEqualTheDefinitionInAllTransposes() {
    var random = SeededRandom(seed: 1)
    let (m, n, k) = (37, 29, 53)
    let a = (0..<m * k).map { _ in random.uniform(within: 1) }
    let b = (0..<k * n).map { _ in random.uniform(within: 1) }
    for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
      var c = [Float](repeating: 1, count: m * n)
      BLAS.shared.multiply(
        m: m, n: n, k: k, alpha: 2, a: a, lda: ta ? m : k, transposeA: ta, b: b, ldb: tb ? k : n,
        transposeB: tb,
        beta: 0.5, c: &c, ldc: n)
      for i in 0..<m {
        for j in 0..<n {
          var exact = 0.0
          for p in 0..<k {
            exact += Double(ta ? a[p * m + i] : a[i * k + p]) * Double(tb ? b[j * k + p] : b[p * n + j])
          }
          #expect(abs(Double(c[i * n + j]) - (2 * exact + 0.5)) < 1e-4)
        }
      }
    }
  }
}

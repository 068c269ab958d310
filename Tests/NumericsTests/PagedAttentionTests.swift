import Foundation
import Testing

@testable import Numerics

@Suite struct PagedAttentionTests {
  /// Pages of one head with random keys and values, and the exact values for comparison.
  private struct Cache {
    let head: PagedHead
    let pages: [Buffer<UInt8>]
    let keys: [Float]
    let values: [Float]
    let headDim: Int

    init(positions: Int, headDim: Int, format: KVFormat, cap: Float?, kernels: Kernels, seed: UInt64) {
      let offset = 64
      head = PagedHead(offset: offset, headDim: headDim, format: format, scale: 0.3, cap: cap)
      let bytes = offset + PagedHead.byteCount(headDim: headDim, format: format)
      pages = (0..<(positions + 31) / 32).map { _ in Buffer(bytes) }
      var random = SeededRandom(seed: seed)
      let keys = (0..<positions * headDim).map { _ in random.uniform(within: 1) }
      let values = (0..<positions * headDim).map { _ in random.uniform(within: 1) }
      (self.keys, self.values, self.headDim) = (keys, values, headDim)
      for p in 0..<positions {
        keys.withUnsafeBufferPointer { k in
          values.withUnsafeBufferPointer { v in
            guard let k = k.baseAddress, let v = v.baseAddress else { return }
            head.store(
              key: k + p * headDim, value: v + p * headDim, page: pages[p / 32].pointer, slot: p % 32,
              kernels: kernels)
          }
        }
      }
    }

    func attend(_ queries: FloatBuffer, _ ranges: [Range<Int>], kernels: Kernels) -> [Float] {
      let out = FloatBuffer(ranges.count * headDim)
      let table = pages.map { Optional(UnsafePointer($0.pointer)) }
      let rows = ranges.enumerated().map { index, range in
        QueryRow(
          query: queries.pointer + index * headDim, out: out.pointer + index * headDim,
          first: Int64(range.lowerBound), last: Int64(range.upperBound))
      }
      rows.withUnsafeBufferPointer { rows in
        table.withUnsafeBufferPointer { table in
          guard let table = table.baseAddress else { return }
          head.attend(pages: table, rows: rows, kernels: kernels)
        }
      }
      return out.array
    }

    func exact(_ query: [Float], _ range: Range<Int>, cap: Float?) -> [Double] {
      let scores = range.map { p -> Double in
        let dot = (0..<headDim).reduce(0.0) { $0 + Double(query[$1]) * Double(keys[p * headDim + $1]) } * 0.3
        return cap.map { Double($0) * tanh(dot / Double($0)) } ?? dot
      }
      let top = scores.max() ?? 0
      let weights = scores.map { exp($0 - top) }
      let sum = weights.reduce(0, +)
      return (0..<headDim).map { d in
        zip(range, weights).reduce(0.0) { $0 + $1.1 / sum * Double(values[$1.0 * headDim + d]) }
      }
    }
  }

  private let ranges = [0..<100, 60..<100, 31..<33, 99..<100, 0..<1, 0..<32, 32..<64, 5..<97]

  @Test(arguments: KVFormat.allCases, [Float?.none, 2])
  func equalsTheDefinitionForEveryFormatWindowAndVariant(format: KVFormat, cap: Float?) {
    let tolerance: Double =
      switch format {
      case .float32: 2e-6
      case .float16: 1e-3
      case .int8: 2e-2
      }
    for kernels in Kernels.InstructionSet.allCases.compactMap({ Kernels($0) }) {
      for headDim in [8, 16, 48, 256] {
        let cache = Cache(
          positions: 100, headDim: headDim, format: format, cap: cap, kernels: kernels, seed: 3)
        var random = SeededRandom(seed: 4)
        let queries = FloatBuffer((0..<8 * headDim).map { _ in random.uniform(within: 2) })
        let found = cache.attend(queries, ranges, kernels: kernels)
        for (row, range) in ranges.enumerated() {
          let query = Array(queries.array[row * headDim..<(row + 1) * headDim])
          for (d, value) in cache.exact(query, range, cap: cap).enumerated() {
            #expect(abs(Double(found[row * headDim + d]) - value) < tolerance, "\(kernels.name) \(headDim)")
          }
        }
      }
    }
  }

  @Test(arguments: KVFormat.allCases)
  func aQuerysResultDoesNotDependOnItsCompanions(format: KVFormat) {
    for kernels in Kernels.InstructionSet.allCases.compactMap({ Kernels($0) }) {
      let headDim = 64
      let cache = Cache(
        positions: 100, headDim: headDim, format: format, cap: nil, kernels: kernels, seed: 8)
      var random = SeededRandom(seed: 6)
      let queries = FloatBuffer((0..<8 * headDim).map { _ in random.uniform(within: 2) })
      let together = cache.attend(queries, ranges, kernels: kernels)
      for count in 1...7 {
        for start in stride(from: 0, through: 8 - count, by: count) {
          let part = FloatBuffer(Array(queries.array[start * headDim..<(start + count) * headDim]))
          let alone = cache.attend(part, Array(ranges[start..<start + count]), kernels: kernels)
          #expect(alone == Array(together[start * headDim..<(start + count) * headDim]), "\(kernels.name)")
        }
      }
    }
  }

  @Test func aValueBeyondHalfPrecisionStaysWithThoseWhoSeeIt() {
    let headDim = 32
    for kernels in Kernels.InstructionSet.allCases.compactMap({ Kernels($0) }) {
      let head = PagedHead(offset: 0, headDim: headDim, format: .float16, scale: 0.1)
      let page = Buffer<UInt8>(PagedHead.byteCount(headDim: headDim, format: .float16))
      for position in 0..<8 {
        let values = [Float](repeating: position == 7 ? 70_000 : 1.5, count: headDim)
        head.store(key: values, value: values, page: page.pointer, slot: position, kernels: kernels)
      }
      let query = FloatBuffer([Float](repeating: 0.01, count: headDim))
      let out = FloatBuffer(8 * headDim)
      let rows = (0..<8).map { row in
        QueryRow(query: query.pointer, out: out.pointer + row * headDim, first: 0, last: Int64(row + 1))
      }
      let table = [Optional(UnsafePointer(page.pointer))]
      rows.withUnsafeBufferPointer { rows in
        table.withUnsafeBufferPointer { table in
          guard let table = table.baseAddress else { return }
          head.attend(pages: table, rows: rows, kernels: kernels)
        }
      }
      #expect(out.array[..<(7 * headDim)].allSatisfy { abs($0 - 1.5) < 1e-5 }, "\(kernels.name)")
      #expect(out.array[(7 * headDim)...].allSatisfy { $0.isFinite && $0 > 1_000 }, "\(kernels.name)")
    }
  }

  @Test func teamMembersSeeWhatOthersWroteBeforeTheBarrier() {
    let pool = WorkerPool(threads: 3)
    let cells = Buffer<Int>(3)
    let wrong = Buffer<Int>(3)
    var teams = 0
    for round in 1...300 {
      pool.team { member in
        cells.pointer[member.rank] = round
        member.wait()
        let sum = (0..<member.count).reduce(0) { $0 + cells.pointer[$1] }
        if sum != member.count * round { wrong.pointer[member.rank] += 1 }
        member.wait()
        member.single { cells.pointer[member.count - 1] = 0 }
        if cells.pointer[member.count - 1] != 0 { wrong.pointer[member.rank] += 1 }
        member.wait()
        if member.rank == 2 { teams += 1 }
      }
    }
    #expect(wrong.array == [0, 0, 0])
    #expect(teams > 0, "at least the first job has all members")
    let shares = (0..<3).map { TeamMember.range(70, unit: 16, part: $0, of: 3) }
    #expect(shares.map(\.count).reduce(0, +) == 70 && shares[0].upperBound == shares[1].lowerBound)
  }
}

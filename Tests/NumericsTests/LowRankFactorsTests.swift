import Testing

@testable import Numerics

@Suite struct LowRankFactorsTests {
  @Test(arguments: [(4, 32, 16), (16, 67, 50), (20, 64, 33)])
  func equalsTheTwoProductsAndNeverDependsOnCompanions(rank: Int, inputs: Int, outputs: Int) {
    var random = SeededRandom(seed: 3)
    let a = FloatBuffer((0..<rank * inputs).map { _ in random.uniform(within: 0.01) })
    let b = FloatBuffer((0..<rank * outputs).map { _ in random.uniform(within: 1e-4) })
    let factors = LowRankFactors(a: a, b: b, rank: rank, inputs: inputs, outputs: outputs, scale: 2)
    let tokens = 13
    let x = FloatBuffer((0..<tokens * inputs).map { _ in random.uniform(within: 3) })
    for kernels in Kernels.InstructionSet.allCases.compactMap({ Kernels($0) }) {
      func run(_ rows: Range<Int>) -> [Float] {
        let low = FloatBuffer(rows.count * factors.lowStride)
        let out = FloatBuffer([Float](repeating: 1, count: rows.count * outputs))
        factors.down(
          x.pointer + rows.lowerBound * inputs, rows: rows.count, into: low.pointer, kernels: kernels)
        factors.up(
          low.pointer, rows: rows.count, tiles: 0..<(outputs + 15) / 16, into: out.pointer,
          outStride: outputs,
          kernels: kernels)
        return out.array
      }
      let together = run(0..<tokens)
      for t in 0..<tokens {
        #expect(run(t..<t + 1) == Array(together[t * outputs..<(t + 1) * outputs]), "\(kernels.name)")
        for o in 0..<outputs {
          var exact = 1.0
          for r in 0..<rank {
            let low = (0..<inputs).reduce(0.0) {
              $0 + Double(a.pointer[r * inputs + $1]) * Double(x.pointer[t * inputs + $1])
            }
            exact += 2 * low * Double(b.pointer[o * rank + r])
          }
          #expect(abs(Double(together[t * outputs + o]) - exact) < 3e-6, "\(kernels.name)")
        }
      }
    }
  }
}

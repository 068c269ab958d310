import Gemma
import Numerics
import Testing

@testable import Training

private let shape = GemmaConfiguration.shape(
  layers: 2, hidden: 64, intermediate: 96, headDim: 32, vocabulary: 96, window: 5)

@Suite struct OptimizerTests {
  /// How far each tensor moves in one step when all gradients are 1, by kind.
  private func moves(_ change: (inout TrainingRecipe) -> Void) throws -> [TrainableAdapter.Parameter.Kind:
    [Float]]
  {
    var recipe = TrainingRecipe()
    recipe.rank = 4
    recipe.weightDecay = 0
    recipe.hasMagnitudes = true
    recipe.trainedTokens = [5]
    change(&recipe)
    let adapter = TrainableAdapter(
      recipe.adapterSettings, model: try GemmaModel.random(shape, precision: .float32), seed: 1)
    for parameter in adapter.parameters {
      for i in 0..<parameter.gradient.count { parameter.gradient[i] = 1 }
    }
    let before = adapter.parameters.map(\.value.array)
    var optimizer = AdamWOptimizer(recipe)
    optimizer.update(adapter, learningRate: 1e-2)
    var moves: [TrainableAdapter.Parameter.Kind: [Float]] = [:]
    for (parameter, before) in zip(adapter.parameters, before) {
      moves[parameter.kind, default: []] += zip(parameter.value.array, before).map { $0 - $1 }
    }
    return moves
  }

  @Test func factorsBAndTokenRowsHaveRatesOfTheirOwn() throws {
    let moves = try moves {
      $0.factorBRate = 8
      $0.tokenRate = 0.5
    }
    for (kind, rate) in [
      (TrainableAdapter.Parameter.Kind.a, 1), (.b, 8), (.magnitude, 1), (.tokenRows, 0.5),
    ] as [(TrainableAdapter.Parameter.Kind, Float)] {
      let all = try #require(moves[kind])
      #expect(all.allSatisfy { abs($0 + 1e-2 * rate) < 1e-4 * rate }, "\(kind)")
    }
  }

  @Test func decayPullsFactorsAndNothingElse() throws {
    let (without, with) = (try moves { _ in }, try moves { $0.weightDecay = 1 })
    #expect(without[.a] != with[.a])
    #expect(without[.magnitude] == with[.magnitude] && without[.tokenRows] == with[.tokenRows])
  }

  @Test func clippingFollowsTheRecipe() throws {
    let adapter = TrainableAdapter(shape, rank: 4, alpha: 8, seed: 1)
    for parameter in adapter.parameters {
      for i in 0..<parameter.gradient.count { parameter.gradient[i] = 1 }
    }
    var recipe = TrainingRecipe()
    recipe.maximumNorm = 0.5
    var optimizer = AdamWOptimizer(recipe)
    let norm = optimizer.update(adapter, learningRate: 1e-3)
    #expect(abs(norm - Float(adapter.parameterCount).squareRoot()) < 0.01 * norm)
    #expect(abs(adapter.gradientNorm() - 0.5) < 1e-3)
  }

  @Test(arguments: LearningRateSchedule.Shape.allCases)
  func schedulesWarmUpAndEndWhereTheySay(shape: LearningRateSchedule.Shape) {
    let schedule = LearningRateSchedule(peak: 2, warmUp: 0.25, floor: 0.5, shape: shape)
    #expect(schedule.rate(at: 0) > 0 && schedule.rate(at: 0.125) == 1 && schedule.rate(at: 0.25) == 2)
    #expect(abs(schedule.rate(at: 1) - (shape == .constant ? 2 : 1)) < 1e-6)
    #expect(abs(schedule.rate(at: 0.625) - (shape == .constant ? 2 : 1.5)) < 1e-6)
    let early = schedule.rate(at: 0.4375)
    switch shape {
    case .constant: #expect(early == 2)
    case .linear: #expect(abs(early - 1.75) < 1e-6)
    case .cosine: #expect(early > 1.75)
    }
  }

  @Test func masksLeaveOutTheirShareAndKeepTheMean() {
    let (rows, width) = (64, 1_023)
    let ones = FloatBuffer([Float](repeating: 1, count: rows * width))
    func mask(seed: UInt64 = 1, pass: UInt64 = 0, module: Int = 3, rows range: Range<Int>) -> [Float] {
      let out = FloatBuffer(rows * width)
      DropoutMasks(share: 0.25, seed: seed, pass: pass).apply(
        ones.pointer, module: module, rows: range, width: width, adding: false, into: out.pointer)
      return out.array
    }
    let all = mask(rows: 0..<rows)
    let zeros = Double(all.count { $0 == 0 }) / Double(all.count)
    #expect(abs(zeros - 0.25) < 0.01)
    #expect(abs(all.reduce(0) { $0 + Double($1) } / Double(all.count) - 1) < 0.015)
    #expect(all.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-6 })
    // The same wherever the work is cut; others for another seed, pass or module.
    let cut = zip(mask(rows: 0..<20), mask(rows: 20..<rows)).map { $0 + $1 }
    #expect(cut == all)
    for other in [
      mask(seed: 2, rows: 0..<rows), mask(pass: 1, rows: 0..<rows), mask(module: 4, rows: 0..<rows),
    ] {
      let equal = zip(all, other).count { $0 == $1 }
      #expect(abs(Double(equal) / Double(all.count) - 0.625) < 0.02)
    }
  }

  @Test func measuringLeavesNothingOut() throws {
    let model = try GemmaModel.random(shape, precision: .float32)
    let adapter = TrainableAdapter(shape, rank: 4, alpha: 8, seed: 3)
    for case let module? in adapter.modules {
      for i in 0..<module.b.value.count { module.b.value[i] = Float(i % 7) * 0.02 }
    }
    let one = TrainingSequence(
      tokens: (0..<30).map { Int32($0 * 3) }, weights: (0..<30).map { $0 > 0 ? 1 : 0 })
    func pass(_ dropout: Float) throws -> TrainingPass {
      try TrainingPass(model: model, adapter: adapter, maximumTokens: 64, longest: 32, dropout: dropout)
    }
    let exact = try pass(0).run([one], gradientScale: nil).sum
    let dropping = try pass(0.5)
    dropping.dropoutSeed = 1
    #expect(dropping.run([one], gradientScale: nil).sum == exact)
    let (first, second) = (
      dropping.run([one], gradientScale: 0).sum, dropping.run([one], gradientScale: 0).sum
    )
    #expect(first != exact && second != first)
    dropping.dropoutSeed = 1
    #expect(dropping.run([one], gradientScale: 0).sum == first)
  }
}

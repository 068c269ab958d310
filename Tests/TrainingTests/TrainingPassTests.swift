import Foundation
import Gemma
import Numerics
import Testing

@testable import Training

private let shape = GemmaConfiguration.shape(
  layers: 3, hidden: 64, intermediate: 96, headDim: 32, vocabulary: 96, window: 5)

private func sequence(_ count: Int, seed: UInt64) -> TrainingSequence {
  var random = SeededRandom(seed: seed)
  let tokens = (0..<count).map { _ in Int32(random.next() % 96) }
  return TrainingSequence(tokens: tokens, weights: (0..<count).map { $0 > 2 ? Float($0 % 3) * 0.5 : 0 })
}

/// An adapter whose B is not zero, so that every gradient is alive.
private func livelyAdapter(_ c: GemmaConfiguration) -> TrainableAdapter {
  let adapter = TrainableAdapter(c, rank: 4, alpha: 8, seed: 3)
  var random = SeededRandom(seed: 5)
  for case let module? in adapter.modules {
    for i in 0..<module.b.value.count { module.b.value.pointer[i] = random.uniform(within: 0.1) }
  }
  return adapter
}

@Suite struct TrainingPassTests {
  @Test(arguments: [5, 70])
  func gradientsEqualFiniteDifferencesAcrossPackedSequences(window: Int) throws {
    var shape = shape
    for index in shape.layers.indices { shape.layers[index].window = window }
    let model = try GemmaModel.random(shape, precision: .float32)
    let adapter = livelyAdapter(shape)
    let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 256, longest: 160)
    var hole = sequence(70, seed: 4)
    hole.middleStart = 50
    hole.endToken = hole.tokens.last
    let batch = [sequence(19, seed: 1), sequence(150, seed: 2), hole]
    adapter.clearGradients()
    _ = pass.run(batch, gradientScale: 1)
    var random = SeededRandom(seed: 8)
    let largest = adapter.parameters.flatMap { $0.gradient.array }.map { abs($0) }.max() ?? 0
    for parameter in adapter.parameters {
      let index = Int(random.next() % UInt64(parameter.value.count))
      let value = parameter.value[index]
      let step: Float = 2e-2
      parameter.value[index] = value + step
      let above = pass.run(batch, gradientScale: nil).sum
      parameter.value[index] = value - step
      let below = pass.run(batch, gradientScale: nil).sum
      parameter.value[index] = value
      let slope = Float((above - below) / Double(2 * step))
      #expect(abs(slope - parameter.gradient[index]) < 0.02 * largest, "\(parameter.name)[\(index)]")
    }
  }

  @Test func textAroundAHoleDoesNotTeachThatNothingEnds() throws {
    let model = try GemmaModel.random(shape, precision: .float32)
    let pass = try TrainingPass(
      model: model, adapter: livelyAdapter(shape), maximumTokens: 64, longest: 32)
    let tokens = sequence(20, seed: 3).tokens.dropLast() + [1]
    func loss(at place: Int, of token: Int32? = nil, middleStart: Int? = nil) -> Double {
      var tokens = Array(tokens)
      if let token { tokens[place] = token }
      let weights = tokens.indices.map { $0 == place ? Float(1) : 0 }
      return pass.run(
        [
          TrainingSequence(
            tokens: tokens, weights: weights, middleStart: middleStart, endToken: middleStart == nil ? nil : 1
          )
        ], gradientScale: nil
      ).sum
    }
    // In front of the middle the end token is left out of the distribution; from there on it is in it.
    let end = exp(-loss(at: 8, of: 1))
    #expect(abs(loss(at: 8, middleStart: 9) - (loss(at: 8) + log(1 - end))) < 1e-5)
    #expect(loss(at: 8, middleStart: 8) == loss(at: 8))
    #expect(loss(at: 19, middleStart: 9) == loss(at: 19))
    // A document ends once: its last token is the end, and no other place could be.
    #expect(abs(loss(at: 8, middleStart: 20) - (loss(at: 8) + log(1 - end))) < 1e-5)
    #expect(loss(at: 19, middleStart: 20) == loss(at: 19))
  }

  @Test func gradientsThroughInt8ProductsPointWhereTheExactOnesDo() throws {
    var gradients: [[Float]] = []
    for precision in [WeightPrecision.float32, .q8_0] {
      let adapter = livelyAdapter(shape)
      let model = try GemmaModel.random(shape, precision: precision)
      let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 64, longest: 32)
      adapter.clearGradients()
      _ = pass.run([sequence(29, seed: 1), sequence(27, seed: 2)], gradientScale: 1)
      gradients.append(adapter.parameters.flatMap { $0.gradient.array })
    }
    func dot(_ a: [Float], _ b: [Float]) -> Double {
      zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let cosine =
      dot(gradients[0], gradients[1])
      / (dot(gradients[0], gradients[0]) * dot(gradients[1], gradients[1])).squareRoot()
    #expect(cosine > 0.99, "cosine \(cosine)")
  }

  @Test func packedSequencesDoNotSeeEachOther() throws {
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let adapter = livelyAdapter(shape)
    let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 96, longest: 32)
    let all = [sequence(19, seed: 1), sequence(11, seed: 2), sequence(23, seed: 4)]
    let alone = all.map { pass.run([$0], gradientScale: nil).sum }.reduce(0, +)
    let packed = pass.run(all, gradientScale: nil).sum
    #expect(abs(alone - packed) < 1e-3 * alone)
    adapter.clearGradients()
    _ = pass.run(all, gradientScale: 1)
    let together = adapter.gradientNorm()
    adapter.clearGradients()
    for one in all.reversed() { _ = pass.run([one], gradientScale: 1) }
    #expect(abs(adapter.gradientNorm() - together) < 1e-2 * together)
  }

  @Test func theTrainerSeesTheSameLossAsTheServer() throws {
    for precision in [WeightPrecision.float32, .q8_0, .q4_0] {
      let model = try GemmaModel.random(shape, precision: precision)
      let adapter = livelyAdapter(shape)
      let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 256, longest: 160)
      let one = sequence(150, seed: 6)
      let session = InferenceSession(model, capacity: 160)
      session.adapter = adapter.inferenceView()
      let logits = try session.append(one.tokens, logits: .all)
      var sum: Float = 0
      for i in 1..<150 {
        let row = logits + (i - 1) * 96
        sum += one.weights[i] * (Kernels.best.logSumExp(row, count: 96) - row[Int(one.tokens[i])])
      }
      let loss = pass.run([one], gradientScale: nil)
      #expect(abs(Float(loss.sum) - sum) < 2e-3 * sum, "\(precision)")
    }
  }

  @Test func trainingOverEightAndFourBitWeightsLearnsTheExample() throws {
    for precision in [WeightPrecision.q8_0, .q4_0] {
      let model = try GemmaModel.random(shape, precision: precision)
      let adapter = TrainableAdapter(shape, rank: 8, alpha: 16, seed: 3)
      let pass = try TrainingPass(model: model, adapter: adapter, maximumTokens: 64, longest: 32)
      let one = sequence(24, seed: 6)
      var optimizer = AdamWOptimizer()
      var losses: [Double] = []
      for _ in 0..<60 {
        adapter.clearGradients()
        losses.append(pass.run([one], gradientScale: 1 / one.weights.reduce(0, +)).mean)
        optimizer.update(adapter, learningRate: 1e-2)
      }
      #expect(losses[59] < losses[0] * 0.3, "\(precision): \(losses[0]) → \(losses[59])")
    }
  }

  @Test func theScheduleWarmsUpAndDecays() {
    let schedule = LearningRateSchedule(peak: 1)
    #expect(schedule.rate(at: 0) > 0)
    #expect(schedule.rate(at: 0.01) < 0.5)
    #expect(abs(schedule.rate(at: 0.03) - 1) < 1e-5)
    #expect(abs(schedule.rate(at: 1) - 0.1) < 1e-5)
    for i in 4..<100 { #expect(schedule.rate(at: Double(i) / 100) >= schedule.rate(at: Double(i + 1) / 100)) }
  }
}

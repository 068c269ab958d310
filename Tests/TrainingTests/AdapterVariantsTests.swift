import Foundation
import Gemma
import Numerics
import Testing
import Weights

@testable import Training

private let shape = GemmaConfiguration.shape(
  layers: 3, hidden: 64, intermediate: 96, headDim: 32, vocabulary: 96, window: 5)

private func sequence(_ count: Int, seed: UInt64) -> TrainingSequence {
  var random = SeededRandom(seed: seed)
  let tokens = (0..<count).map { _ in Int32(random.next() % 96) }
  return TrainingSequence(tokens: tokens, weights: (0..<count).map { $0 > 2 ? Float($0 % 3) * 0.5 : 0 })
}

private let batch = [sequence(19, seed: 1), sequence(90, seed: 2), sequence(40, seed: 4)]

/// What can be trained beside plain LoRA on everything.
private struct Variant: CustomTestStringConvertible {
  let testDescription: String
  var settings = AdapterSettings()
  var dropout: Float = 0

  init(_ name: String, _ change: (inout Variant) -> Void) {
    testDescription = name
    settings.rank = 4
    settings.alpha = 8
    change(&self)
  }

  static let all = [
    Variant("q and down") { $0.settings.targets = [.query, .down] },
    Variant("gate alone") { $0.settings.targets = [.gate] },
    Variant("down alone") { $0.settings.targets = [.down] },
    Variant("o alone") { $0.settings.targets = [.output] },
    Variant("v, rank-stabilised") {
      $0.settings.targets = [.value]
      $0.settings.isRankStabilized = true
    },
    Variant("DoRA") { $0.settings.hasMagnitudes = true },
    Variant("DoRA on k and up") {
      $0.settings.hasMagnitudes = true
      $0.settings.targets = [.key, .up]
    },
    Variant("token rows") {
      $0.settings.tokens = [3, 17, 40]
      $0.settings.targets = [.up]
    },
    Variant("dropout") { $0.dropout = 0.3 },
    Variant("everything") {
      $0.settings.hasMagnitudes = true
      $0.settings.tokens = [9, 2]
      $0.dropout = 0.2
    },
  ]

  /// An adapter in which nothing is 0 any more, so that every gradient is alive.
  func adapter(_ model: GemmaModel) -> TrainableAdapter {
    let adapter = TrainableAdapter(settings, model: model, seed: 3)
    var random = SeededRandom(seed: 5)
    for parameter in adapter.parameters {
      for i in 0..<parameter.value.count {
        switch parameter.kind {
        case .a: break
        case .b: parameter.value.pointer[i] = random.uniform(within: 0.1)
        case .magnitude: parameter.value.pointer[i] *= 1 + random.uniform(within: 0.2)
        case .tokenRows: parameter.value.pointer[i] += random.uniform(within: 0.1)
        }
      }
    }
    return adapter
  }

  func pass(_ model: GemmaModel, _ adapter: TrainableAdapter, recomputes: Bool = false) throws -> TrainingPass
  {
    let pass = try TrainingPass(
      model: model, adapter: adapter, maximumTokens: 160, longest: 96, dropout: dropout,
      recomputes: recomputes)
    pass.dropoutSeed = 7
    return pass
  }
}

@Suite struct AdapterVariantsTests {
  @Test(arguments: Variant.all)
  private func gradientsEqualFiniteDifferences(variant: Variant) throws {
    let model = try GemmaModel.random(shape, precision: .float32)
    let adapter = variant.adapter(model)
    let pass = try variant.pass(model, adapter)
    func loss() -> Double {
      pass.dropoutSeed = 7
      return pass.run(batch, gradientScale: 0).sum
    }
    _ = loss()
    adapter.clearGradients()
    pass.dropoutSeed = 7
    _ = pass.run(batch, gradientScale: 1)
    let gradients = adapter.parameters.map(\.gradient.array)
    let gains = adapter.modules.map { $0?.gain?.array }
    var random = SeededRandom(seed: 8)
    for kind in [TrainableAdapter.Parameter.Kind.a, .b, .magnitude, .tokenRows] {
      let indices = adapter.parameters.indices.filter { adapter.parameters[$0].kind == kind }
      let largest = indices.flatMap { gradients[$0] }.map { abs($0) }.max() ?? 0
      #expect(indices.isEmpty || largest > 1e-3)
      for index in indices {
        let parameter = adapter.parameters[index]
        let place = Int(random.next() % UInt64(parameter.value.count))
        let value = parameter.value[place]
        let step: Float = kind == .tokenRows ? 4e-3 : 2e-2
        let losses = [step, -step].map { step in
          parameter.value[place] = value + step
          let magnitudes = kind == .magnitude ? [] : holdGains(adapter, gains)
          let result = loss()
          for (magnitude, values) in magnitudes {
            magnitude.value.pointer.update(from: values, count: values.count)
          }
          return result
        }
        parameter.value[place] = value
        let slope = Float((losses[0] - losses[1]) / Double(2 * step))
        #expect(
          abs(slope - gradients[index][place]) < 0.02 * largest,
          "\(parameter.name)[\(place)]: \(slope), \(gradients[index][place]) of \(largest)")
      }
    }
  }

  /// DoRA's gradients take the norm for a constant: magnitudes that keep the gains, and what they were before.
  private func holdGains(
    _ adapter: TrainableAdapter, _ gains: [[Float]?]
  ) -> [(TrainableAdapter.Parameter, [Float])] {
    adapter.refreshGains()
    return zip(adapter.modules, gains).compactMap { module, gains in
      guard let gains, let magnitude = module?.magnitude, let now = module?.gain else { return nil }
      let before = magnitude.value.array
      for i in gains.indices { magnitude.value.pointer[i] *= gains[i] / now[i] }
      return (magnitude, before)
    }
  }

  @Test(arguments: Variant.all, [WeightPrecision.float32, .q8_0])
  private func recomputationGivesTheSameBitsInLessMemory(variant: Variant, precision: WeightPrecision) throws
  {
    let model = try GemmaModel.random(shape, precision: precision)
    var results: [[[Float]]] = []
    var losses: [Double] = []
    for recomputes in [false, true] {
      let adapter = variant.adapter(model)
      let pass = try variant.pass(model, adapter, recomputes: recomputes)
      for part in [Array(batch[0..<2]), Array(batch[2...])] {
        losses.append(pass.run(part, gradientScale: 0.5).sum)
      }
      results.append(adapter.parameters.map(\.gradient.array))
    }
    #expect(losses[0] == losses[2] && losses[1] == losses[3])
    #expect(results[0] == results[1])
    #expect(results[0].allSatisfy { $0.contains { $0 != 0 } })
  }

  @Test(arguments: Variant.all, [WeightPrecision.float32, .q8_0])
  private func whatIsWrittenIsReadBackServedAndTrainedAlike(variant: Variant, precision: WeightPrecision)
    throws
  {
    let model = try GemmaModel.random(shape, precision: precision)
    let adapter = variant.adapter(model)
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try adapter.write(to: directory, baseModelName: "base", dropout: variant.dropout)
    let read = try TrainableAdapter(model: model, directory: directory)
    #expect(read.parameters.map(\.name) == adapter.parameters.map(\.name))
    #expect(read.parameters.map(\.value.array) == adapter.parameters.map(\.value.array))
    #expect(read.targets == variant.settings.targets && read.tokens == variant.settings.tokens)
    #expect(read.modules.compactMap { $0?.scale } == adapter.modules.compactMap { $0?.scale })
    let saved = try PEFTAdapter(directory: directory, variants: .read)
    #expect(Float(saved.dropout) == variant.dropout)
    #expect(saved.targetModules == variant.settings.targets.map(\.rawValue).sorted())
    let one = sequence(70, seed: 6)
    let loss = try variant.pass(model, adapter).run([one], gradientScale: nil).sum
    for served in [adapter.inferenceView(), try LoRAAdapter(directory: directory, model: model)] {
      let session = InferenceSession(model, capacity: 96)
      session.adapter = served
      let logits = try session.append(one.tokens, logits: .all)
      var sum = 0.0
      for i in 1..<one.tokens.count {
        let row = logits + (i - 1) * 96
        sum += Double(one.weights[i] * (Kernels.best.logSumExp(row, count: 96) - row[Int(one.tokens[i])]))
      }
      #expect(abs(sum - loss) < 2e-3 * sum)
    }
  }

  @Test func aFreshAdapterChangesNothing() throws {
    let model = try GemmaModel.random(shape, precision: .float32)
    for variant in Variant.all {
      let adapter = TrainableAdapter(variant.settings, model: model, seed: 1)
      let pass = try variant.pass(model, adapter)
      let tuned = pass.run(batch, gradientScale: nil).sum
      pass.usesAdapter = false
      let base = pass.run(batch, gradientScale: nil).sum
      // Logits of token rows are sums in another order.
      #expect(abs(tuned - base) <= (adapter.tokens.isEmpty ? 0 : 1e-6 * base), "\(variant.testDescription)")
    }
  }

  @Test func theBaseIsSeenThroughAnAdapterThatIsOff() throws {
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let plain = try TrainingPass(
      model: model, adapter: TrainableAdapter(shape, rank: 4, alpha: 8, seed: 1), maximumTokens: 160,
      longest: 96)
    let base = plain.run(batch, gradientScale: nil).sum
    for variant in Variant.all {
      let pass = try variant.pass(model, variant.adapter(model))
      #expect(pass.run(batch, gradientScale: nil).sum != base)
      pass.usesAdapter = false
      #expect(pass.run(batch, gradientScale: nil).sum == base, "\(variant.testDescription)")
    }
  }

  @Test func aScaleFactorIsPartOfAlphaInWhatIsWritten() throws {
    let model = try GemmaModel.random(shape, precision: .float32)
    let variant = Variant("") { $0.settings.alpha = 24 }
    let adapter = variant.adapter(model)
    let pass = try variant.pass(model, adapter)
    let before = pass.run(batch, gradientScale: nil).sum
    adapter.scaleFactor = 0.8
    let scaled = pass.run(batch, gradientScale: nil).sum
    #expect(adapter.alpha == 19.2 && scaled != before)
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try adapter.write(to: directory, baseModelName: "base")
    let read = try TrainableAdapter(shape, directory: directory)
    #expect(read.alpha == 19.2)
    #expect(try variant.pass(model, read).run(batch, gradientScale: nil).sum == scaled)
    adapter.scaleFactor = 1
    #expect(pass.run(batch, gradientScale: nil).sum == before)
  }
}

@Suite struct TrainingMemoryTests {
  /// Bytes of all buffers that a pass holds, each counted once.
  private func heldBytes(_ pass: TrainingPass) -> Int {
    var seen: Set<ObjectIdentifier> = []
    var bytes = 0
    func add(_ value: Any) {
      if let buffer = value as? FloatBuffer {
        if seen.insert(ObjectIdentifier(buffer)).inserted { bytes += buffer.count * 4 }
      } else if let blocks = value as? QuantizedActivations {
        guard seen.insert(ObjectIdentifier(blocks)).inserted else { return }
        bytes += blocks.capacity * blocks.width + blocks.capacity * blocks.width / 32 * 8
      } else if !(value is GemmaModel) {
        for child in Mirror(reflecting: value).children { add(child.value) }
      }
    }
    add(pass.buffers)
    for parameter in pass.adapter.parameters { add(parameter) }
    for case let gain? in pass.adapter.modules.map({ $0?.gain }) { add(gain) }
    return bytes
  }

  @Test(arguments: Variant.all)
  private func theEstimateIsWhatIsAllocated(variant: Variant) throws {
    let model = try GemmaModel.random(shape, precision: .float32)
    for recomputes in [false, true] {
      let pass = try variant.pass(model, variant.adapter(model), recomputes: recomputes)
      let needed = TrainingPass.bytesNeeded(
        model: model, settings: variant.settings, maximumTokens: 160, longest: 96, recomputes: recomputes,
        dropout: variant.dropout)
      let tables = 96 * 32 * 4  // one kind of layer
      #expect(needed == heldBytes(pass) + tables)
    }
  }

  @Test func recomputationAndSubsetsTakeLess() throws {
    let model = try GemmaModel.random(
      .shape(layers: 12, hidden: 64, intermediate: 256, headDim: 32, vocabulary: 96), precision: .q8_0)
    func bytes(_ targets: [Projection] = Projection.allCases, _ recomputes: Bool) -> Int {
      var settings = AdapterSettings()
      settings.targets = targets
      return TrainingPass.bytesNeeded(
        model: model, settings: settings, maximumTokens: 2_048, longest: 256, recomputes: recomputes)
    }
    #expect(bytes(Projection.allCases, true) * 3 < bytes(Projection.allCases, false))
    #expect(Double(bytes([.query, .value], false)) < 0.85 * Double(bytes(Projection.allCases, false)))
  }
}

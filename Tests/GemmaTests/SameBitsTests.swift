import Testing
import Weights

@testable import Gemma
@testable import Numerics

/// With quantised weights a token's logits are the same bits whatever chunk, team, cut or fork they come from.
@Suite struct SameBitsTests {
  private static let pools = [WorkerPool(threads: 1), WorkerPool(threads: 2), WorkerPool(threads: 3)]

  /// Small models with everything on which the order of sums could depend.
  private static var shapes: [(name: String, configuration: GemmaConfiguration)] {
    func shape(_ layers: Int, _ hidden: Int, _ inner: Int, _ headDim: Int, _ window: Int)
      -> GemmaConfiguration
    {
      .shape(
        layers: layers, hidden: hidden, intermediate: inner, headDim: headDim, vocabulary: 161, window: window
      )
    }
    var capped = shape(7, 64, 96, 32, 6)
    for layer in capped.layers.indices { capped.layers[layer].attentionCap = 5 }
    capped.finalLogitCap = 10
    var narrow = shape(3, 96, 160, 8, 37)
    narrow.layers[1].keyValueHeadCount = 2
    var grouped = shape(2, 64, 96, 48, 9)
    for layer in grouped.layers.indices { grouped.layers[layer].headCount = 12 }
    var mixture = shape(4, 64, 96, 32, 6)
    mixture.generation = .gemma4
    for layer in mixture.layers.indices {
      mixture.layers[layer].experts = .init(count: 6, active: 2, intermediateSize: 32)
      mixture.layers[layer].hasScalar = true
    }
    mixture.layers[1].valuesAreKeys = true
    return [
      ("caps", capped), ("narrow heads", narrow), ("twelve heads on one", grouped), ("experts", mixture),
      ("streams", streams(hidden: 64)),
    ]
  }

  private static func streams(hidden: Int) -> GemmaConfiguration {
    var c = GemmaConfiguration.shape(
      layers: 6, hidden: hidden, intermediate: 96, headDim: 32, vocabulary: 161, window: 6)
    c.generation = .gemma3n
    c.perLayerInput = .init(size: 32, vocabularySize: 150)
    c.alternatingUpdates = .init(streams: 3, active: 1, coefficientClip: 120, scalesCorrection: true)
    c.laurelRank = 32
    c.layers[5].window = 6
    c.layers[4].sharesKeysOf = 2
    c.layers[0].sparsityCutoff = 1
    for layer in c.layers.indices { c.layers[layer].normsValues = true }
    return c
  }

  private func tokens(_ count: Int, seed: UInt64) -> [Int32] {
    var random = SeededRandom(seed: seed)
    return (0..<count).map { _ in Int32(random.next() % 160) }
  }

  private func bits(_ session: InferenceSession, _ ids: [Int32]) throws -> [UInt32] {
    let logits = try session.append(ids, logits: .all)
    return withExtendedLifetime(session) {
      (0..<ids.count * session.model.configuration.vocabularySize).map { logits[$0].bitPattern }
    }
  }

  private func adapter(_ c: GemmaConfiguration, rank: Int) -> LoRAAdapter {
    var random = SeededRandom(seed: 77)
    func values(_ count: Int) -> FloatBuffer {
      FloatBuffer((0..<count).map { _ in random.uniform(within: 0.1) })
    }
    return LoRAAdapter(
      factors: c.layers.flatMap { layer in
        Projection.allCases.map { projection in
          layer.shape(projection, hiddenSize: c.hiddenSize).map {
            .init(rank: rank, scale: 2, a: values(rank * $0.inputs), b: values(rank * $0.outputs))
          }
        }
      })
  }

  private func expectSameBits(
    _ model: GemmaModel, _ name: String, format: KVFormat = .float16, adapter: LoRAAdapter? = nil
  ) throws {
    let ids = tokens(70, seed: 1)
    var expected: [UInt32]?
    for pool in Self.pools {
      for chunk in [1, 2, 5, 8, 33, 256] {
        let session = InferenceSession(
          model, capacity: 80, chunk: chunk, pool: pool,
          pages: KVPagePool(model.configuration, format: format))
        session.adapter = adapter
        let found = try bits(session, ids)
        #expect(found.allSatisfy { Float(bitPattern: $0).isFinite })
        #expect(
          expected == nil || found == expected,
          "\(name), \(format), rank \(adapter?.maximumRank ?? 0), \(pool.threadCount) threads, chunks of \(chunk)"
        )
        expected = expected ?? found
      }
    }
  }

  @Test func chunksThreadsFormatsAndAdaptersDoNotShow() throws {
    for (name, c) in Self.shapes {
      let model = try GemmaModel.random(c, precision: .q4_0)
      for format in KVFormat.allCases { try expectSameBits(model, name, format: format) }
      for rank in [5, 20] { try expectSameBits(model, name, adapter: adapter(c, rank: rank)) }
      try expectSameBits(GemmaModel.random(c, precision: .q8_0), name)
    }
  }

  @Test func plainMatricesBesideQuantisedOnesDoNotShowTheirChunk() throws {
    let c = Self.streams(hidden: 256)
    let source = MixedTensors(c) { tensor in
      guard case .layer(_, let role) = tensor.role else { return tensor.role == .embedding ? .q8_0 : .f16 }
      return Projection.allCases.contains { LayerTensor($0) == role } ? .q8_0 : .f16
    }
    let model = try GemmaModel(c, source, names: GGUFNames(), precision: .native)
    try expectSameBits(model, "mixed")
  }

  @Test func forksCutsAndBranchesEqualFreshSequences() throws {
    let c = GemmaConfiguration.shape(
      layers: 2, hidden: 64, intermediate: 64, headDim: 32, vocabulary: 161, window: 40)
    let model = try GemmaModel.random(c, precision: .q8_0)
    let pages = KVPagePool(c, format: .float16)
    try exercise(model, pages)
    #expect(pages.bytesInUse == 0, "all pages came back")
  }

  /// 600 random forks, cuts at and beside page borders, and appends, each compared with a fresh sequence.
  private func exercise(_ model: GemmaModel, _ pages: KVPagePool) throws {
    let session = InferenceSession(model, capacity: 150, chunk: 50, pages: pages)
    let fresh = InferenceSession(model, capacity: 150)
    func expected(_ ids: [Int32]) throws -> [UInt32] {
      fresh.cache.truncate(to: 0)
      return try bits(fresh, ids).suffix(161)
    }
    var random = SeededRandom(seed: 4)
    var live: [(sequence: KVSequence, ids: [Int32])] = [(KVSequence(pages, capacity: 150), [])]
    for step in 0..<600 {
      let at = Int(random.next() % UInt64(live.count))
      switch random.next() % 5 {
      case 0 where live.count > 6: live.remove(at: at)
      case 0: live.append((live[at].sequence.fork(), live[at].ids))
      case 1:
        let cuts = [0, 31, 32, 33, 63, 64, 65, 96, live[at].ids.count - 1]
        let to = max(0, cuts[Int(random.next() % UInt64(cuts.count))])
        live[at].sequence.truncate(to: to)
        live[at].ids = Array(live[at].ids.prefix(to))
      case 2:
        let chosen = live.indices.filter { live[$0].ids.count < 149 && random.next() % 2 == 0 }
        guard !chosen.isEmpty else { continue }
        let ids = tokens(chosen.count, seed: random.next())
        let logits = try session.append(branches: chosen.map { live[$0].sequence }, tokens: ids)
        for (row, index) in chosen.enumerated() {
          live[index].ids.append(ids[row])
          let found = (0..<161).map { logits[row * 161 + $0].bitPattern }
          #expect(try expected(live[index].ids) == found, "branch at step \(step)")
        }
      default:
        let ids = tokens([1, 2, 31, 32, 33][Int(random.next() % 5)], seed: random.next())
        session.cache = live[at].sequence
        guard live[at].ids.count + ids.count <= 150 else {
          #expect(throws: GemmaError.self) { try session.append(ids, logits: .last) }
          continue
        }
        let found = try bits(session, ids).suffix(161)
        live[at].ids += ids
        #expect(try expected(live[at].ids) == Array(found), "append at step \(step)")
      }
      #expect(live.allSatisfy { $0.sequence.count == $0.ids.count })
    }
    session.cache = KVSequence(pages, capacity: 150)
  }

  @Test func aSequenceLongerThanTheSessionIsRefused() throws {
    var c = GemmaConfiguration.shape(layers: 2, hidden: 64, intermediate: 64, headDim: 32, vocabulary: 161)
    c.maxPositions = 64
    let session = InferenceSession(try GemmaModel.random(c, precision: .q8_0), capacity: 64)
    session.cache = KVSequence(session.cache.pool, capacity: 256)
    #expect(throws: GemmaError.self) { try session.append(tokens(100, seed: 1), logits: .last) }
    #expect(session.cache.count == 0)
  }
}

/// Random tensors, each in the format that a rule gives it.
private struct MixedTensors: TensorSource {
  private let tensors: [String: Tensor]
  var path: String { "mixed formats" }
  var tensorNames: [String] { Array(tensors.keys) }

  func tensor(_ name: String) -> Tensor? { tensors[name] }
  func unreadableFormat(of name: String) -> String? { nil }

  init(_ c: GemmaConfiguration, _ format: (ModelTensor) -> BlockFormat) {
    var random = SeededRandom(seed: 5)
    var tensors: [String: Tensor] = [:]
    for tensor in c.tensors {
      let isMatrix = tensor.shape.count > 1
      let bound = (3 / Float(tensor.shape.last ?? 1)).squareRoot()
      let floats = (0..<tensor.shape.reduce(1, *)).map { _ in
        isMatrix ? random.uniform(within: bound) : 1 + random.uniform(within: 0.2)
      }
      let name = GGUFNames().name(tensor.role)
      tensors[name] = Tensor(
        OutputTensor(
          name: name, shape: tensor.shape, floats: floats, format: isMatrix ? format(tensor) : .f32))
    }
    self.tensors = tensors
  }
}

import Foundation
import Numerics
import Testing
import Weights

@testable import Gemma

@Suite("Packed cache")
struct PackedCacheTests {
  /// A GGUF file with a small model, large enough for a cache, whose projections are blocks and whose embedding is F16.
  private final class Sample {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
      .path
    var path: String { folder + "/model.gguf" }
    var cache: String { path + ".gempack" }
    let configuration = GemmaConfiguration.shape(
      layers: 2, hidden: 256, intermediate: 512, headDim: 64, vocabulary: 32_768)

    init(seed: UInt64 = 1) throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try write(seed: seed)
    }

    deinit {
      chmod(folder, 0o755)
      try? FileManager.default.removeItem(atPath: folder)
    }

    func write(seed: UInt64) throws {
      var file = GGUFWriter(architecture: "gemma3")
      for (key, value) in try configuration.ggufMetadata() { file[key] = value }
      var random = SeededRandom(seed: seed)
      for tensor in configuration.tensors {
        let count = tensor.shape.reduce(1, *)
        let format: BlockFormat =
          tensor.role == .embedding ? .f16 : tensor.shape.count == 2 ? .q4_0 : .f32
        file.append(
          OutputTensor(
            name: GGUFNames().name(tensor.role), shape: tensor.shape,
            floats: (0..<count).map { _ in random.uniform(within: 0.1) + (tensor.shape.count == 1 ? 1 : 0) },
            format: format))
      }
      try file.write(to: path)
    }

    func load(_ caching: PackedCaching = .on(fallback: nil)) throws -> GemmaModel {
      try GemmaModel.load(path: path, caching: caching)
    }

    func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: cache)) }
    var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }
  }

  private func logits(_ model: GemmaModel) throws -> [Float] {
    let session = InferenceSession(model, capacity: 8)
    return try withExtendedLifetime(session) {
      Array(
        UnsafeBufferPointer(
          start: try session.append([2, 400, 30_000, 17], logits: .last),
          count: model.configuration.vocabularySize))
    }
  }

  @Test func aSecondStartComputesTheSameBits() throws {
    let sample = try Sample()
    let plain = try sample.load(.off)
    #expect(sample.files == ["model.gguf"])
    let first = try sample.load()
    #expect(sample.files == ["model.gguf", "model.gguf.gempack"])
    let written = try sample.bytes()
    let second = try sample.load()
    #expect(try sample.bytes() == written)
    let cache = PackedCache(.on(fallback: nil), source: try GGUFFile(path: sample.path), precision: .native)
    #expect(cache.isMapped)
    let expected = try logits(plain)
    #expect(try logits(first) == expected)
    #expect(try logits(second) == expected)
    #expect(!expected.contains { !$0.isFinite })
  }

  /// The embedding of a 4-bit file is held as blocks too; what that loses is said, at the second start as well.
  @Test func lossIsNoted() throws {
    let sample = try Sample()
    for _ in 0..<2 {
      let notes = try sample.load().notes
      #expect(notes.count == 1)
      #expect(notes.first?.contains("1 matrix stored as f16 is held as q8_0") ?? false, "\(notes)")
      #expect(notes.first?.contains("token_embd.weight") ?? false)
    }
  }

  @Test func damageIsFoundAndRepaired() throws {
    let sample = try Sample()
    let expected = try logits(sample.load())
    let sound = try sample.bytes()
    var random = SeededRandom(seed: 9)
    for _ in 0..<6 {
      var damaged = sound
      damaged[Int.random(in: 0..<damaged.count, using: &random)] ^= 0x10
      for bytes in [damaged, sound.prefix(Int.random(in: 0..<sound.count, using: &random)), Data()] {
        try bytes.write(to: URL(fileURLWithPath: sample.cache))
        #expect(try logits(sample.load()) == expected)
      }
    }
    #expect(try sample.bytes() == sound)
  }

  @Test func anotherModelOfTheSameShapeIsNoticed() throws {
    let sample = try Sample()
    let old = try logits(sample.load())
    let date = try FileManager.default.attributesOfItem(atPath: sample.path)[.modificationDate] as? Date
    try sample.write(seed: 2)
    try FileManager.default.setAttributes([.modificationDate: date ?? Date()], ofItemAtPath: sample.path)
    #expect(try logits(sample.load()) != old)
    #expect(try logits(sample.load()) == logits(sample.load(.off)))
  }

  @Test func aReadOnlyFolderGetsTheFallbackOrANote() throws {
    let sample = try Sample()
    // Root may write anywhere: a folder in the place of the file stops everybody.
    try FileManager.default.createDirectory(atPath: sample.cache + "/x", withIntermediateDirectories: true)
    let notes = try sample.load().notes
    #expect(notes.contains { $0.contains("no packed cache") && $0.contains(sample.cache) }, "\(notes)")
    let fallback = sample.folder + "/home/cache"
    let model = try sample.load(.on(fallback: fallback))
    #expect(!model.notes.contains { $0.contains("no packed cache") })
    let names = try FileManager.default.contentsOfDirectory(atPath: fallback)
    #expect(names.count == 1 && names[0].hasSuffix("-model.gguf.gempack"))
    let cache = PackedCache(
      .on(fallback: fallback), source: try GGUFFile(path: sample.path), precision: .native)
    #expect(cache.isMapped)
  }

  @Test func precisionsDoNotMeet() throws {
    let sample = try Sample()
    for precision in [WeightPrecision.native, .q8_0, .float32] {
      _ = try GemmaModel.load(path: sample.path, precision: precision, caching: .on(fallback: nil))
    }
    #expect(sample.files == ["model.gguf", "model.gguf.gempack", "model.gguf.q8_0.gempack"])
  }

  @Test func leftoversOfKilledProcessesAreRemoved() throws {
    let sample = try Sample()
    for name in ["\(sample.cache).999999999-1.part", "\(sample.cache).\(getpid())-1.part"] {
      try Data([1]).write(to: URL(fileURLWithPath: name))
    }
    _ = try sample.load()
    #expect(sample.files == ["model.gguf", "model.gguf.gempack", "model.gguf.gempack.\(getpid())-1.part"])
  }
}

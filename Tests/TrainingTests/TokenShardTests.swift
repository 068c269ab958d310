import Carving
import Context
import Foundation
import Generation
import Testing
import Tokenizer
import Weights

@testable import Training

private let basePath = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("models/gemfill-base").path

private struct Shards {
  let folder: String
  let encoder: ExampleEncoder

  init(contextWeight: Float = 0.2) throws {
    folder =
      FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let tokenizer = try Tokenizer(sentencePieceModel: basePath + "/tokenizer.model")
    var recipe = TrainingRecipe()
    recipe.contextWeight = contextWeight
    encoder = ExampleEncoder(format: try PromptFormat(tokenizer, model: "base"), recipe: recipe)
  }

  var files: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

  static let examples: [FIMExample] = (0..<200).map { index in
    let sample = CodeSamples.all[index % CodeSamples.all.count]
    let text = Array(sample.text.unicodeScalars)
    let start = min(index * 3, text.count)
    let end = min(start + index % 23, text.count)
    func string(_ range: Range<Int>) -> String {
      var string = ""
      string.unicodeScalars.append(contentsOf: text[range])
      return string
    }
    return FIMExample(
      path: sample.path, language: sample.language, kind: index % 9 == 0 ? .plain : .node, nodePath: "",
      windowStart: 0, middleStart: start, middleEnd: end, prefix: string(0..<start),
      middle: string(start..<end), suffix: string(end..<text.count),
      context: index % 2 == 0
        ? [] : [ContextSnippet(path: "o.py", source: .test, firstLine: 3, text: "x = \(index)\n")],
      contentHash: "\(index % 7)")
  }

  func write(_ examples: [FIMExample] = examples, name: String = "set", shardBytes: Int = 20_000) throws
    -> String
  {
    let writer = TokenShardWriter(
      path: folder + "/\(name).safetensors", encoder: encoder,
      info: TokenShardInfo(encoder: encoder, carvingHash: "abc", contextShare: 0.6), shardBytes: shardBytes)
    for example in examples { try writer.append(example) }
    try writer.seal()
    try writer.finish()
    return folder + "/\(name).safetensors"
  }

  func read(_ path: String) throws -> [TrainingSequence] {
    let set = try TokenShardSet(path: path, format: encoder.format)
    return try (0..<set.count).compactMap { try set.sequence(at: $0) }
  }

  /// The shard of a set that has one, changed and written again.
  func changed(_ index: String, _ change: (inout [String: [Int64]], inout [String: String]) -> Void) throws
    -> String
  {
    let file = try SafetensorsFile(path: index)
    var numbers: [String: [Int64]] = [:]
    let types = [
      "offsets": "I64", "tokens": "I32", "weights": "F32", "middle_start": "I32", "middle_bytes": "I32",
    ]
    for (name, type) in types {
      let tensor = try #require(file.rawTensor(name))
      numbers[name] = tensor.region.withBytes { bytes in
        let width = type == "I64" ? 8 : 4
        return (0..<(bytes.count / width)).map {
          width == 8
            ? bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)
            : Int64(bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self))
        }
      }
    }
    var metadata = file.metadata
    change(&numbers, &metadata)
    let tensors = types.keys.sorted().compactMap { name -> RawTensor? in
      guard let row = numbers[name], let type = types[name] else { return nil }
      return type == "I64"
        ? RawTensor(name: name, type: type, row)
        : RawTensor(name: name, type: type, row.map { Int32(truncatingIfNeeded: $0) })
    }
    let target = folder + "/changed-\(UUID().uuidString).safetensors"
    try SafetensorsFile.write(tensors, metadata: metadata, to: target)
    return target
  }
}

@Suite struct TokenShardTests {
  @Test func whatIsReadIsWhatTheEncoderMade() throws {
    let shards = try Shards()
    let index = try shards.write()
    var source = CarvedSource(encoder: shards.encoder) { _ in Shards.examples }
    let count = try source.open(epoch: 0)
    let expected = try (0..<count).compactMap { try source.sequence(at: $0) }
    #expect(try shards.read(index) == expected)
    #expect(shards.files.count > 3)
    #expect(
      shards.files.contains(String(format: "set-00002-of-%05d.safetensors", shards.files.count - 1)))
    let set = try TokenShardSet(path: index, format: shards.encoder.format)
    #expect(try TokenShardSet.info(path: index) == set.info)
    #expect(set.info.contextShare == 0.6 && set.info.carvingHash == "abc")
    #expect(set.tokenCount == expected.reduce(0) { $0 + $1.tokens.count })
  }

  @Test func sequencesAreWrittenAsTheyAre() throws {
    let shards = try Shards()
    let sequences = [
      TrainingSequence(tokens: [2, 7, 9], weights: [0, 0, 3], middleStart: 1, middleBytes: 5, endToken: 9),
      TrainingSequence(tokens: [2, 4], weights: [0, 0.5], endToken: 4),
    ]
    let path = shards.folder + "/own.safetensors"
    let writer = TokenShardWriter(
      path: path, encoder: shards.encoder, info: TokenShardInfo(encoder: shards.encoder))
    for sequence in sequences + [TrainingSequence(tokens: [], weights: [])] { try writer.append(sequence) }
    try writer.seal()
    try writer.finish()
    #expect(try shards.read(path) == sequences)
  }

  @Test func partsOfADatasetHaveTheSequencesOfTheWhole() throws {
    let shards = try Shards()
    let whole = try shards.read(shards.write())
    let first = try shards.read(shards.write(Array(Shards.examples[..<77]), name: "first"))
    let second = try shards.read(
      shards.write(Array(Shards.examples[77...]), name: "second", shardBytes: 1 << 20))
    #expect(first + second == whole)
  }

  @Test func anUnfinishedWriterLeavesNothing() throws {
    let shards = try Shards()
    do {
      let writer = TokenShardWriter(
        path: shards.folder + "/set", encoder: shards.encoder, info: TokenShardInfo(encoder: shards.encoder),
        shardBytes: 4_000)
      for example in Shards.examples { try writer.append(example) }
      #expect(!shards.files.isEmpty && shards.files.allSatisfy { $0.hasSuffix(".part") })
    }
    #expect(shards.files.isEmpty)
  }

  @Test func aNewSetTakesThePlaceOfTheOld() throws {
    let shards = try Shards()
    let (first, second) = (Array(Shards.examples[..<90]), Array(Shards.examples[90...]))
    let sizes = [1 << 20, 20_000, 8_000, 1 << 20]
    for (number, bytes) in sizes.enumerated() {
      let examples = number % 2 == 0 ? first : second
      let path = try shards.write(examples, shardBytes: bytes)
      let expected = try Shards().read(Shards().write(examples, shardBytes: 1 << 20))
      #expect(try shards.read(path) == expected)
      let count = try TokenShardSet(path: path, format: shards.encoder.format).shards.count
      #expect(shards.files.count == (count == 1 ? 1 : count + 1), "\(shards.files)")
      #expect((count == 1) == (bytes == 1 << 20))
    }
  }

  @Test func anIndexThatListsOtherFilesDoesNotMakeAWriterRemoveThem() throws {
    let shards = try Shards()
    let others = ["model.safetensors", "other-00001-of-00002.safetensors", "set-notes.safetensors"]
    for name in others { try Data("x".utf8).write(to: URL(fileURLWithPath: shards.folder + "/" + name)) }
    let entries = others.map { #"{"file":"\#($0)","sequences":1,"tokens":1}"# }.joined(separator: ",")
    let index = #"{"format":"gemfill-tokens-2","shards":[\#(entries)]}"#
    try Data(index.utf8).write(to: URL(fileURLWithPath: shards.folder + "/set.safetensors.index.json"))
    _ = try shards.write(shardBytes: 1 << 20)
    #expect(shards.files == (others + ["set.safetensors"]).sorted())
  }

  @Test func heldOutHolesHaveLossOnTheMiddleAloneWhateverTheWeightAround() throws {
    // The weight of the text around is 1, that of a middle.
    let shards = try Shards(contextWeight: 0.25)
    let encoder = shards.encoder
    #expect(encoder.recipe.contextWeight == Float(encoder.recipe.contextShare))
    let expected = Shards.examples.filter { $0.kind != .plain && !$0.middle.isEmpty }.compactMap { example in
      var random = encoder.random(for: example, epoch: 0)
      let (order, seam) = encoder.draw(example, random: &random)
      return encoder.sequence(example, order: order, seam: seam)
    }
    let set = try TokenShardSet(path: shards.write(), format: encoder.format)
    #expect(try set.holes(limit: .max) == expected)
    #expect(expected.count > 50)
  }

  @Test func anIndexThatIsTooLargeIsRefusedUnread() throws {
    let shards = try Shards()
    let path = shards.folder + "/set.safetensors.index.json"
    try Data().write(to: URL(fileURLWithPath: path))
    // Without content, so that it costs no disk.
    #expect(truncate(path, 1 << 30) == 0)
    let error = #expect(throws: TrainingError.self) { try shards.read(path) }
    #expect(error?.description.contains("\(1 << 30) bytes") == true)
  }

  @Test func anEmptyDatasetIsAWholeSet() throws {
    let shards = try Shards()
    #expect(try shards.read(shards.write([])).isEmpty)
  }

  @Test func anotherVocabularyIsRefused() throws {
    let shards = try Shards()
    let index = try shards.write()
    let small = try Tokenizer(
      sentencePieceModel: basePath + "/../../Tests/Fixtures/tokenizer/small-spm.model")
    let other = try PromptFormat(small, model: "small")
    let error = #expect(throws: TrainingError.self) { try TokenShardSet(path: index, format: other) }
    #expect(error?.description.contains("vocabulary") == true)
  }

  @Test func damageIsNamed() throws {
    let shards = try Shards()
    let index = try shards.write(Array(Shards.examples.prefix(20)), shardBytes: 1 << 20)
    let changes: [(String, (inout [String: [Int64]], inout [String: String]) -> Void)] = [
      ("first offset", { tensors, _ in tensors["offsets"]?[0] = 1 }),
      ("offsets going back", { tensors, _ in tensors["offsets"]?[3] = 0 }),
      ("negative offset", { tensors, _ in tensors["offsets"]?[1] = -5 }),
      ("offset beyond the end", { tensors, _ in tensors["offsets"]?[2] = 1 << 60 }),
      ("too few offsets", { tensors, _ in tensors["offsets"]?.removeLast() }),
      ("no offsets", { tensors, _ in tensors["offsets"] = [] }),
      ("too few weights", { tensors, _ in tensors["weights"]?.removeLast() }),
      ("a missing tensor", { tensors, _ in tensors["tokens"] = nil }),
      ("an id beyond the vocabulary", { tensors, _ in tensors["tokens"]?[5] = 16_000_000 }),
      ("a negative id", { tensors, _ in tensors["tokens"]?[5] = -1 }),
      ("a weight that is no number", { tensors, _ in tensors["weights"]?[5] = 0x7FC0_0000 }),
      ("a loss on the begin token", { tensors, _ in tensors["weights"]?[0] = 0x3F80_0000 }),
      ("a middle that begins behind the end", { tensors, _ in tensors["middle_start"]?[2] = 9_999 }),
      ("a middle that begins before the sequence", { tensors, _ in tensors["middle_start"]?[2] = -1 }),
      ("too few starts of middles", { tensors, _ in tensors["middle_start"]?.removeLast() }),
      ("another format", { _, metadata in metadata["format"] = "pt" }),
      ("no recipe", { _, metadata in metadata["end_weight"] = nil }),
    ]
    #expect(throws: Never.self) { try shards.read(shards.changed(index) { _, _ in }) }
    for (name, change) in changes {
      #expect(throws: TrainingError.self, "\(name)") { try shards.read(shards.changed(index, change)) }
    }
    let path = index
    let bytes = try #require(FileManager.default.contents(atPath: path))
    for length in [0, 7, 100, bytes.count / 2, bytes.count - 1] {
      try Data(bytes.prefix(length)).write(to: URL(fileURLWithPath: path))
      #expect(throws: WeightsError.self) { try shards.read(index) }
    }
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: WeightsError.self) { try shards.read(index) }
    let list = shards.folder + "/set.safetensors.index.json"
    for text in [
      "", "{}", #"{"format":"gemfill-tokens-2","shards":[{"file":"../x","sequences":1,"tokens":1}]}"#,
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: list))
      for path in [list, index] { #expect(throws: TrainingError.self) { try shards.read(path) } }
    }
  }

  @Test func anEpochHasEverySequenceOnceInAnotherOrder() throws {
    let shards = try Shards()
    let set = try TokenShardSet(path: shards.write(), format: shards.encoder.format)
    var stream = BatchStream(set, seed: 9)
    func epoch() throws -> [TrainingSequence] {
      var all: [TrainingSequence] = []
      let number = stream.position.epoch
      // One sequence a call: none fits beside another.
      while stream.position.epoch == number {
        let batch = try stream.next(tokens: 1)
        #expect(batch.count == 1)
        all += batch
        if all.count == set.count { break }
      }
      return all
    }
    let (first, second) = (try epoch(), try epoch())
    let sorted = { (all: [TrainingSequence]) in all.map { "\($0.tokens) \($0.weights)" }.sorted() }
    #expect(first.count == set.count && sorted(first) == sorted(second))
    #expect(first != second)
    #expect(try sorted(first) == sorted((0..<set.count).compactMap { try set.sequence(at: $0) }))
  }

  @Test func aRunTrainsOnShards() throws {
    let shards = try Shards()
    let engine = try Engine.load(path: basePath + "/gemfill-base-q8_0.gguf")
    let set = try TokenShardSet(path: shards.write(), format: engine.format)
    var recipe = TrainingRecipe()
    recipe.rank = 4
    recipe.budget = .steps(2)
    recipe.batchTokens = 1_024
    recipe.microBatchTokens = 1_024
    let trainer = try Trainer(
      model: engine.model, recipe: recipe, directory: shards.folder, identity: "x", source: set,
      heldOut: set.holes(limit: 4))
    let report = try trainer.run(resume: false) { _ in }
    #expect(report.finished && report.last.tokens > 1_000)
    #expect(try #require(report.baseLossPerByte) > 0)
  }
}

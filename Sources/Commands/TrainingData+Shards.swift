import Carving
import Foundation
import Generation
import Training

extension TrainingData {
  /// Holes of the shards that were carved beside those at `path` from files that are never trained on; none where there are none.
  ///
  /// - Throws: `TrainingError.shard`.
  static func holes(beside path: String, _ format: PromptFormat) throws -> [TrainingSequence] {
    let beside = CarveRequest.path(of: DataSplit.validation.rawValue, beside: path)
    guard TokenShardSet.file(at: beside) != nil else { return [] }
    return try TokenShardSet(path: beside, format: format).holes(limit: heldOutLimit)
  }

  /// Writes the data as token shards, for an engine that is another program.
  ///
  /// - Parameters:
  ///   - folder: where the sets go; made by the caller.
  ///   - copies: whether shards that are there already are written again; else they stay where they are.
  /// - Returns: the training sets, one for each epoch, to be taken in turn, and the held-out set; names below `folder`,
  ///   or absolute paths of sets that stay where they are.
  /// - Throws: `TrainingError.noExamples`, `.shard`; `WeightsError.unwritable`.
  func writeShards(
    to folder: String, format: PromptFormat, recipe: TrainingRecipe, copies: Bool
  ) throws -> (train: [String], heldOut: String?) {
    let encoder = ExampleEncoder(format: format, recipe: recipe)
    func write(_ name: String, epoch: Int = 0, _ body: (TokenShardWriter) throws -> Void) throws {
      let info = TokenShardInfo(
        encoder: encoder, epoch: epoch, carvingHash: settingsHash, contextShare: contextShare)
      let writer = TokenShardWriter(path: folder + "/" + name, encoder: encoder, info: info)
      try body(writer)
      try writer.seal()
      try writer.finish()
    }
    func epochs(_ examples: (Int) throws -> [FIMExample]) throws -> [String] {
      var names: [String] = []
      var needed = 1
      while names.count < needed {
        let epoch = names.count
        var tokens = 0
        try write("epoch-\(epoch)", epoch: epoch) { writer in
          for example in try examples(epoch) {
            guard let prepared = writer.prepare(example) else { continue }
            tokens += prepared.count / 8
            try writer.append(prepared, of: example)
          }
        }
        guard tokens > 0 else { throw TrainingError.noExamples }
        names.append("epoch-\(epoch)")
        needed = Self.epochsWritten(recipe, tokens: tokens)
      }
      return names
    }
    func heldOut(_ sequences: [TrainingSequence]) throws -> String? {
      guard !sequences.isEmpty else { return nil }
      try write("held-out") { writer in for sequence in sequences { try writer.append(sequence) } }
      return "held-out"
    }
    func encoded(_ examples: [FIMExample]) -> [TrainingSequence] {
      examples.compactMap { encoder.sequence($0, order: .suffixFirst) }
    }
    switch kind {
    case .carved(let run, let first, let held):
      return (try epochs { $0 == 0 ? first : try run.examples(epoch: $0) }, try heldOut(encoded(held)))
    case .examples(let examples, let held):
      return (try epochs { _ in examples }, try heldOut(encoded(held)))
    case .preferences:
      throw Failure("\(path): verdicts on answers are learnt from by the native engine only")
    case .shards(let path):
      let held = try heldOut(Self.holes(beside: path, format))
      let set = try TokenShardSet(path: path, format: format)
      guard set.tokenCount > 0 else { throw TrainingError.noExamples }
      guard copies else { return ([URL(fileURLWithPath: path).standardizedFileURL.path], held) }
      try write("epoch-0") { writer in
        for index in 0..<set.count { if let one = try set.sequence(at: index) { try writer.append(one) } }
      }
      return (["epoch-0"], held)
    }
  }

  /// How many epochs are carved ahead for a run: those that it needs, where that is known, and no more than a few, which are then
  /// taken in turn.
  private static func epochsWritten(_ recipe: TrainingRecipe, tokens: Int) -> Int {
    let most = 8.0
    switch recipe.budget {
    case .seconds: return 4
    case .epochs(let epochs): return Int(min(most, epochs.rounded(.up)))
    case .steps(let steps):
      return Int(
        min(most, (Double(steps) * Double(recipe.batchTokens) / Double(max(1, tokens))).rounded(.up)))
    }
  }
}

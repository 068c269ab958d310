import Carving
import Context
import Foundation
import Generation
import Registry
import Tokenizer
import Training
import Weights

/// The files that a run writes: one for each split.
struct CarveOutputs {
  /// Sinks for the run.
  let outputs: [CarvingOutput]
  /// Where each split goes, for reports.
  let paths: [(split: DataSplit, path: String)]

  /// Opens the files of a request; nothing appears before the run has finished.
  ///
  /// - Parameter context: how examples get pieces of other files; nil for none.
  /// - Throws: `CarvingError.unwritable`, `WeightsError`, and what loading a vocabulary throws.
  init(
    _ request: CarveRequest, base: @autoclosure () throws -> String, settings: CarvingSettings,
    context: ContextOptions?
  ) throws {
    guard let out = request.out else {
      outputs = []
      paths = []
      tokens = nil
      return
    }
    var encoder: ExampleEncoder?
    if request.format != .jsonl { encoder = try Self.encoder(base: base(), seed: request.seed) }
    tokens = encoder.map {
      DataCard.Tokens(
        tokenizerSHA256: $0.format.tokenizer.sha256,
        format: "\(request.format.rawValue), marks \($0.format.marks)")
    }
    let splits: [DataSplit] = request.isSplit ? [.train, .validation, .test] : [.train]
    paths = splits.map { split in
      (split, CarveRequest.path(of: split == .train ? nil : split.rawValue, beside: out))
    }
    outputs = try paths.map { split, path in
      guard let encoder else { return CarvingOutput(split, try JSONLSink(path: path)) }
      switch request.format {
      case .jsonl, .hf:
        let order: PromptOrder = request.order == .psm ? .prefixFirst : .suffixFirst
        return CarvingOutput(
          split,
          try PromptCompletionWriter(path: path, encoder: encoder, order: order, epoch: request.epoch))
      case .tokens:
        let info = TokenShardInfo(
          encoder: encoder, epoch: request.epoch, carvingHash: settings.hash,
          contextShare: context.map { $0.maximumSnippets > 0 ? 1 - $0.emptyShare : 0 } ?? 0)
        return CarvingOutput(split, TokenShardWriter(path: path, encoder: encoder, info: info))
      }
    }
  }

  /// How examples became tokens or prompts; nil for JSON lines.
  let tokens: DataCard.Tokens?

  /// How reports call examples that the format could not hold.
  static let leftOutReason = "does-not-fit-format"

  /// Examples that the format could not hold, by split.
  var leftOut: [DataSplit: Int] {
    Dictionary(
      outputs.map { ($0.split, ($0.sink as? any CountsLeftOut)?.leftOut ?? 0) }, uniquingKeysWith: +)
  }

  /// Those of all splits.
  var leftOutCount: Int { leftOut.values.reduce(0, +) }

  /// What turns examples into text or tokens of a base's vocabulary; loads no weights.
  private static func encoder(base: String, seed: UInt64) throws -> ExampleEncoder {
    let source = try ModelSource(path: base)
    var recipe = TrainingRecipe()
    recipe.seed = seed
    return ExampleEncoder(format: try PromptFormat(source.tokenizer(), model: base), recipe: recipe)
  }
}

/// A sink that cannot hold every example.
private protocol CountsLeftOut {
  var leftOut: Int { get }
}

extension PromptCompletionWriter: CountsLeftOut {}
extension TokenShardWriter: CountsLeftOut {}

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
      form = nil
      return
    }
    var encoder: ExampleEncoder?
    if request.format != .jsonl { encoder = try Self.encoder(base: base(), seed: request.seed) }
    var form = DataCard.Form(format: request.format.rawValue)
    form.order = request.format == .hf ? request.order.rawValue : nil
    form.base = encoder == nil ? nil : request.base
    form.tokenizerSHA256 = encoder?.format.tokenizer.sha256
    form.marks = encoder?.format.marks.description
    let info = encoder.map {
      TokenShardInfo(
        encoder: $0, epoch: request.epoch, carvingHash: settings.hash,
        contextShare: context.map { $0.maximumSnippets > 0 ? 1 - $0.emptyShare : 0 } ?? 0)
    }
    if request.format == .tokens { form.recipe = info?.metadata }
    self.form = form
    let splits: [DataSplit] = request.isSplit ? [.train, .validation, .test] : [.train]
    paths = splits.map { split in
      (split, CarveRequest.path(of: split == .train ? nil : split.rawValue, beside: out))
    }
    outputs = try paths.map { split, path in
      guard let encoder, let info else { return CarvingOutput(split, try JSONLSink(path: path)) }
      switch request.format {
      case .jsonl, .hf:
        let order: PromptOrder = request.order == .psm ? .prefixFirst : .suffixFirst
        return CarvingOutput(
          split,
          try PromptCompletionWriter(path: path, encoder: encoder, order: order, epoch: request.epoch))
      case .tokens:
        return CarvingOutput(split, TokenShardWriter(path: path, encoder: encoder, info: info))
      }
    }
  }

  /// In what form examples are written; nil where nothing is.
  let form: DataCard.Form?

  /// What turns examples into text or tokens of a base's vocabulary; loads no weights.
  private static func encoder(base: String, seed: UInt64) throws -> ExampleEncoder {
    let source = try ModelSource(path: base)
    var recipe = TrainingRecipe()
    recipe.seed = seed
    return ExampleEncoder(format: try PromptFormat(source.tokenizer(), model: base), recipe: recipe)
  }
}

import Gemma
import Numerics

/// Draws several texts behind one prompt, in one pass per token: equal ones are kept, and every token says how probable it was.
///
/// For training on a policy's own answers; nothing is remembered between prompts, since its weights change.
public final class GroupSampler {
  /// One text.
  public struct Sample: Sendable, Equatable {
    /// Generated ids, the stop token included where one was drawn.
    public var tokens: [Int32]
    /// Natural log probability of each under the model's own distribution.
    public var logProbabilities: [Float]
    /// Bytes of the text, without the stop token.
    public var bytes: [UInt8]
    /// Whether it ended by itself.
    public var isFinished: Bool
  }

  private let session: InferenceSession
  private let format: PromptFormat
  private let pages: KVPagePool
  private let contextLength: Int

  /// Prepares sampling from `model`, prompt and text together at most `contextLength` tokens.
  public init(_ model: GemmaModel, format: PromptFormat, contextLength: Int) {
    self.format = format
    self.contextLength = min(contextLength, model.configuration.maxPositions)
    pages = KVPagePool(model.configuration, format: model.usualKeyValueFormat)
    session = InferenceSession(model, capacity: self.contextLength, pages: pages)
  }

  private struct Branch {
    var sequence: KVSequence
    var chooser: TokenChooser
    var sample: Sample
    var isLive = true
  }

  /// Draws `count` texts of at most `maxTokens` tokens; equal seeds give equal texts.
  ///
  /// - Throws: `GenerationError.option` for a sampling that makes no sense, `GemmaError.contextOverflow`.
  public func sample(
    _ count: Int, behind prompt: [Int32], maxTokens: Int, sampling: Sampling, adapter: LoRAAdapter?
  ) throws -> [Sample] {
    let options = DecodingOptions(sampling: sampling, candidates: count, usesShortlist: false)
    try options.check(vocabularySize: session.model.configuration.vocabularySize)
    guard !prompt.isEmpty else { throw GenerationError.emptyPrompt }
    session.adapter = adapter
    session.cache = KVSequence(pages, capacity: contextLength)
    let logits = try session.append(prompt, logits: .last)
    var branches = (0..<count).map { stream in
      Branch(
        sequence: session.cache.fork(), chooser: TokenChooser(options, stream: UInt64(stream)),
        sample: Sample(tokens: [], logProbabilities: [], bytes: [], isFinished: false))
    }
    for index in branches.indices { take(logits, &branches[index]) }
    let size = session.model.configuration.vocabularySize
    for length in 1..<max(1, min(maxTokens, contextLength - prompt.count)) {
      let live = branches.indices.filter { branches[$0].isLive }
      if live.isEmpty { break }
      precondition(branches[live[0]].sample.tokens.count == length, "branches grow together")
      let next = try session.append(
        branches: live.map { branches[$0].sequence },
        tokens: live.map { branches[$0].sample.tokens[length - 1] })
      for (place, index) in live.enumerated() { take(next.pointer + place * size, &branches[index]) }
    }
    return branches.map(\.sample)
  }

  private func take(_ logits: UnsafePointer<Float>, _ branch: inout Branch) {
    let choice = branch.chooser.choose(logits, count: session.model.configuration.vocabularySize)
    branch.sample.tokens.append(choice.token)
    branch.sample.logProbabilities.append(choice.logProbability)
    if format.stopTokens.contains(choice.token) {
      branch.sample.isFinished = choice.token == format.tokenizer.endToken
      branch.isLive = false
    } else {
      branch.sample.bytes += format.tokenizer.bytes(of: choice.token)
    }
  }
}

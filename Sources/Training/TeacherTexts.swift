import Carving
import Foundation
import Gemma
import Generation
import Weights

/// A larger model that writes the middles which are learnt: distillation by sequences (Kim and Rush, 2016).
public final class TeacherTexts {
  private let sampler: GroupSampler
  private let format: PromptFormat
  private let longest: Int
  private let maxTokens: Int
  private let accepts: (FIMExample, [UInt8], Double) -> Bool
  private var known: [UInt64: FIMExample?] = [:]

  /// Prepares a model whose middles have at most `maxTokens` tokens.
  ///
  /// - Parameter accepts: whether a text is learnt instead of what stands there, given the hole, the text, and the mean
  ///   probability of its tokens.
  public init(
    _ model: GemmaModel, format: PromptFormat, longest: Int, maxTokens: Int = 96,
    accepts: @escaping (FIMExample, [UInt8], Double) -> Bool
  ) {
    sampler = GroupSampler(model, format: format, contextLength: longest)
    self.format = format
    self.longest = longest
    self.maxTokens = maxTokens
    self.accepts = accepts
  }

  /// The example with the teacher's middle; nil where that is not good enough. What has no middle stays as it is.
  ///
  /// - Throws: as `GroupSampler.sample`.
  public func rewritten(_ example: FIMExample) throws -> FIMExample? {
    guard example.kind != .plain, example.kind != .empty else { return example }
    var hash = FNVHash(example.prefix.utf8)
    for text in [example.middle, example.suffix, example.path] {
      hash.add(0)
      hash.add(text.utf8)
    }
    if let found = known[hash.value] { return found }
    let result = try write(example)
    known[hash.value] = .some(result)
    return result
  }

  private func write(_ example: FIMExample) throws -> FIMExample? {
    let prompt = format.prompt(
      path: example.path, context: example.promptContext, prefix: Array(example.prefix.utf8),
      suffix: Array(example.suffix.utf8), order: .suffixFirst)
    guard prompt.count < longest else { return nil }
    let sample = try sampler.sample(
      1, behind: prompt, maxTokens: maxTokens, sampling: .greedy, adapter: nil)[0]
    let mean = sample.logProbabilities.reduce(0) { $0 + Double($1) } / Double(sample.logProbabilities.count)
    guard sample.isFinished, !sample.bytes.isEmpty,
      let text = String(validating: sample.bytes, as: UTF8.self), accepts(example, sample.bytes, exp(mean))
    else { return nil }
    var example = example
    example.middle = text
    example.middleEnd = example.middleStart + sample.bytes.count
    return example
  }
}

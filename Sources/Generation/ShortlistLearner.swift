import Foundation
import Gemma
import Tokenizer

/// Learns from code which tokens a vocabulary shortlist needs, and how sure it has to be to decide alone.
public struct ShortlistLearner {
  /// What one decision would have been, at a place that greedy decoding passed.
  public struct Sample: Sendable {
    /// Whether the best token of the shortlist is the best of the whole vocabulary.
    public let agrees: Bool
    /// The share of the shortlist's probability that its best token has.
    public let share: Float

    /// Creates a sample.
    public init(agrees: Bool, share: Float) {
      self.agrees = agrees
      self.share = share
    }
  }

  /// How often a shortlist agrees with the whole vocabulary, and how often it asks it.
  public struct Agreement: Sendable {
    /// Share of the tokens that are those of the whole vocabulary.
    public let tokens: Double
    /// Share of the tokens for which the whole vocabulary is asked.
    public let asked: Double
  }

  private let tokenizer: Tokenizer
  private var counts: [Int]

  /// Starts with nothing counted.
  public init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    counts = [Int](repeating: 0, count: tokenizer.vocabularySize)
  }

  /// Counts the tokens of a text.
  public mutating func count(_ tokens: [Int32]) {
    for token in tokens where counts.indices.contains(Int(token)) { counts[Int(token)] += 1 }
  }

  /// At most `limit` ids, ascending: the tokens without which text cannot be written or ended, then the most frequent.
  ///
  /// The first are special tokens, bytes, single characters of the Latin scripts, and runs of line ends, tabs and spaces.
  /// Tokens that were never counted are left out, so that there may be fewer.
  public func ids(limit: Int) -> [Int32] {
    let needed = counts.indices.filter(isNeeded)
    let others = counts.indices.filter { counts[$0] > 0 && !isNeeded($0) }
      .sorted { counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1 }
    return (needed + others.prefix(max(0, limit - needed.count))).map { Int32($0) }.sorted()
  }

  /// Share of the counted tokens that `ids` cover.
  public func coverage(of ids: [Int32]) -> Double {
    let all = counts.reduce(0, +)
    return all == 0 ? 0 : Double(ids.reduce(0) { $0 + counts[Int($1)] }) / Double(all)
  }

  private func isNeeded(_ token: Int) -> Bool {
    let special = [
      tokenizer.beginToken, tokenizer.endToken, tokenizer.fimPrefix, tokenizer.fimMiddle, tokenizer.fimSuffix,
      tokenizer.fileSeparator,
    ]
    if special.contains(Int32(token)) { return true }
    switch tokenizer.vocabulary.types[token] {
    case .byte: return true
    case .control, .unknown, .unused: return false
    case .normal, .userDefined:
      let bytes = tokenizer.bytes(of: Int32(token))
      // Two bytes in UTF-8 reach U+07FF: Latin, Greek and Cyrillic letters, but no ideographs.
      if bytes.count == 1 || bytes.count == 2 && bytes[0] >= 0xC3 { return true }
      return bytes.allSatisfy { $0 == 0x20 } || bytes.allSatisfy { $0 == 0x09 }
        || bytes.allSatisfy { $0 == 0x0A }
    }
  }

  /// The smallest least share with which the share of agreeing tokens among `samples` reaches `agreement`.
  public static func leastShare(_ samples: [Sample], agreement: Double) -> Float {
    let wrong = samples.filter { !$0.agrees }.map(\.share).sorted(by: >)
    // 1 - 0.9 is a little less than a tenth.
    let tolerated = Int(Double(samples.count) * (1 - agreement) + 1e-6)
    guard wrong.count > tolerated else { return 0 }
    // Just above the surest of those that are too many.
    return min(1, wrong[tolerated].nextUp)
  }

  /// What a least share comes to on `samples`.
  public static func agreement(_ samples: [Sample], leastShare: Float) -> Agreement {
    guard !samples.isEmpty else { return Agreement(tokens: 0, asked: 0) }
    let asked = samples.filter { $0.share < leastShare }.count
    let wrong = samples.filter { $0.share >= leastShare && !$0.agrees }.count
    let count = Double(samples.count)
    return Agreement(tokens: 1 - Double(wrong) / count, asked: Double(asked) / count)
  }
}

extension Engine {
  /// What the shortlist `ids` would have decided at each token of a greedy generation over the whole vocabulary.
  ///
  /// - Throws: as `generate`.
  public func shortlistSamples(
    _ ids: [Int32], along request: InfillRequest
  ) throws -> [ShortlistLearner.Sample] {
    var request = request
    request.options = DecodingOptions(usesShortlist: false)
    let generated = try infill(request, asked: .now).tokens
    guard !generated.isEmpty else { return [] }
    let prompt = format.prompt(
      path: request.path, context: request.context, prefix: request.prefix, suffix: request.suffix,
      order: order)
    let done = try recall(prompt, adapter: request.adapter)
    if prompt.count - 1 > done { try session.append(Array(prompt[done..<(prompt.count - 1)]), logits: .none) }
    let size = model.configuration.vocabularySize
    let logits = try session.append(prompt.suffix(1) + generated.dropLast(), logits: .all)
    return generated.enumerated().map { row, token in
      let values = ids.map { logits[row * size + Int($0)] }
      let best = values.indices.max { values[$0] < values[$1] } ?? 0
      let share = values.withUnsafeBufferPointer { values in
        values.baseAddress.map { TokenChooser.logProbability(of: Int32(best), $0, count: values.count) } ?? 0
      }
      return ShortlistLearner.Sample(agrees: ids[best] == token, share: exp(share))
    }
  }
}

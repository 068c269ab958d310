import Carving
import Foundation
import Generation

/// The baseline without a neural network, trained on the same tree as the adapter.
///
/// Loss: an interpolated byte n-gram model of the tree and of the example's own window, with a stop model trained on carved holes.
/// Completion: the rest of the line that most often followed the longest known context, in the tree or in the window.
/// An adapter that does not beat this has learnt nothing that counting would not have found.
public struct NgramContender: Contender {
  /// Name in tables and result files.
  public let name: String
  /// How many times a count from the example's own window weighs one from the tree.
  private static let windowWeight = 16.0
  private let bytes: ByteNgram
  private let stop: StopModel
  private let tree: RepetitionIndex

  /// Counts the texts of the training tree and the holes carved from it.
  /// - Parameters:
  ///   - texts: whole files; reading stops at `maxBytes`.
  ///   - holes: carved examples of the same files, for the stop model.
  ///   - order: longest n-gram in bytes.
  public init(
    name: String = "n-gram", texts: [[UInt8]], holes: [FIMExample], order: Int = 8, maxBytes: Int = 16_000_000
  ) {
    self.name = name
    var kept: [[UInt8]] = []
    var total = 0
    for text in texts where total + text.count <= maxBytes {
      kept.append(text)
      total += text.count
    }
    var model = ByteNgram(order: order)
    for text in kept { model.add(text) }
    bytes = model
    stop = StopModel(examples: holes)
    tree = RepetitionIndex(texts: kept)
  }

  /// Scores the middle byte by byte; the prompt order does not matter to it.
  public func negativeLogLikelihood(of example: FIMExample, order: PromptOrder) async throws -> Double {
    let prefix = Array(example.prefix.utf8)
    let suffix = Array(example.suffix.utf8)
    var window = ByteNgram(order: bytes.order)
    window.add(prefix)
    window.add(suffix)
    let text = prefix + Array(example.middle.utf8)
    var loss = 0.0
    for position in prefix.count..<text.count {
      let ends = stop.probability(of: text, endingAt: position, suffix: suffix)
      let byte = bytes.probability(
        of: text[position], after: text, at: position, local: window, localWeight: Self.windowWeight)
      loss -= log((1 - ends) * byte)
    }
    return loss - log(stop.probability(of: text, endingAt: text.count, suffix: suffix))
  }

  /// Continues to the end of the line.
  public func complete(_ example: FIMExample, maxTokens: Int) async throws -> Completion {
    let prefix = Array(example.prefix.utf8)
    let suffix = Array(example.suffix.utf8)
    var context = LexicalTokens.split(prefix)
    var partial: [UInt8] = []
    if let last = context.last, LexicalTokens.mayGrow(last) {
      partial = Array(last)
      context.removeLast()
    }
    // The token under the cursor stays out, or the cursor's own place would be the longest match.
    let window = RepetitionIndex(texts: [Array(prefix.dropLast(partial.count)), suffix])
    let boundary = Self.boundary(prefix, suffix)
    var completion = Completion(bytes: [], endedItself: true, tokenCount: 0)
    var hasText = false
    while completion.tokenCount < maxTokens {
      guard let next = follower(of: context[...], beginningWith: partial, in: window) else { break }
      if hasText, LexicalTokens.isLineEnd(next[...]) { return completion }
      if let boundary, partial.isEmpty, boundary.elementsEqual(next) { return completion }
      completion.bytes += next.dropFirst(partial.count)
      completion.tokenCount += 1
      hasText = hasText || next.dropFirst(partial.count).contains { !TextMetrics.isWhitespace($0) }
      context.append(next[...])
      partial = []
    }
    completion.endedItself = false
    return completion
  }

  private func follower(
    of context: ArraySlice<ArraySlice<UInt8>>, beginningWith partial: [UInt8], in window: RepetitionIndex
  ) -> [UInt8]? {
    let near = window.follower(of: context, beginningWith: partial)
    let far = tree.follower(of: context, beginningWith: partial)
    guard let near else { return far?.token }
    guard let far else { return near.token }
    return near.depth >= far.depth ? near.token : far.token
  }

  /// The token behind the hole when the hole ends inside a line: reaching it means that the hole is full. A hole that begins at
  /// the start of a line is taken for whole lines; what follows it then is another line.
  private static func boundary(_ prefix: [UInt8], _ suffix: [UInt8]) -> ArraySlice<UInt8>? {
    guard let last = LexicalTokens.split(prefix).last, !LexicalTokens.isLineEnd(last) else { return nil }
    let line = suffix.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    return LexicalTokens.split(Array(line)).first { !$0.allSatisfy(TextMetrics.isWhitespace) }
  }
}

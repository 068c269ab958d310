import Foundation

/// One figure of the report: how it is summed up over examples, and which direction is better.
public enum Measure: String, Sendable, CaseIterable {
  /// Negative log likelihood of middle and end token per byte of the middle, in nats.
  case lossPerByte
  /// Share of completions equal to the truth up to white space.
  case exactMatch
  /// Share of completions whose first line is right.
  case firstLine
  /// Mean edit similarity.
  case editSimilarity
  /// Exact matches among the holes of one line.
  case singleLineExact
  /// Mean edit similarity over the holes of one line.
  case singleLineSimilarity
  /// Mean number of leading bytes that are right.
  case matchingPrefix
  /// Share of completions that ended by themselves.
  case endRate
  /// Share of the completions with text that leave the file without a new syntax error.
  case parses
  /// Share of the holes for which there was an answer with text.
  case answered

  /// Heading in tables.
  var heading: String {
    switch self {
    case .lossPerByte: "loss/byte"
    case .exactMatch: "exact"
    case .firstLine: "1st line"
    case .editSimilarity: "edit sim."
    case .singleLineExact: "one line exact"
    case .singleLineSimilarity: "one line sim."
    case .matchingPrefix: "right bytes"
    case .endRate: "ends itself"
    case .parses: "parses"
    case .answered: "answered"
    }
  }

  /// True for figures where less is better.
  var isBetterWhenLower: Bool { self == .lossPerByte }

  /// The figure as text: shares in per cent, differences of shares in points.
  func text(_ value: Double, signed: Bool = false) -> String {
    let (scale, digits) =
      switch self {
      case .lossPerByte: (1.0, 3)
      case .matchingPrefix: (1.0, 1)
      default: (100.0, 1)
      }
    let power = pow(10, Double(digits))
    let rounded = (value * scale * power).rounded() / power
    // Adding 0 turns −0 into 0.
    let number = String(format: "%.\(digits)f", rounded + 0)
    if signed { return rounded > 0 ? "+" + number : number }
    return scale == 100 ? number + " %" : number
  }

  /// Numerator and denominator of one example; nil when the example has no such figure.
  func terms(of outcome: Outcome) -> (top: Double, bottom: Double)? {
    if self == .lossPerByte { return (outcome.loss, Double(outcome.middleBytes)) }
    guard let completion = outcome.completion else { return nil }
    if self == .singleLineExact || self == .singleLineSimilarity, outcome.shape == .severalLines {
      return nil
    }
    switch self {
    case .lossPerByte: return nil
    case .exactMatch, .singleLineExact: return (completion.matchesExactly ? 1 : 0, 1)
    case .firstLine: return (completion.firstLineMatches ? 1 : 0, 1)
    case .editSimilarity, .singleLineSimilarity: return (completion.editSimilarity, 1)
    case .matchingPrefix: return (Double(completion.matchingPrefixBytes), 1)
    case .endRate: return (completion.endedItself ? 1 : 0, 1)
    case .parses: return completion.parses.map { ($0 ? 1 : 0, 1) }
    case .answered: return (completion.hasText ? 1 : 0, 1)
    }
  }
}

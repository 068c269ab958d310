/// Finds secrets and personal data in source code and puts typed placeholders of the same length in their place.
///
/// One pass of an automaton over the keywords of all rules; where one ends, a matcher of the rule looks at the bytes
/// around it. Matchers look at a bounded number of bytes, so that hostile text costs no more than a constant per byte.
/// What was found is kept nowhere.
public struct SecretScanner: Sendable {
  /// A place where a secret or personal datum stands.
  public struct Finding: Sendable, Equatable {
    /// Name of the rule, such as "github-token".
    public let rule: String
    /// The bytes that the finding spans.
    public let range: Range<Int>
    /// The bytes to replace: all of `range`, or the lines of a key without what stands around them.
    let parts: [Range<Int>]

    init(_ rule: String, _ range: Range<Int>, parts: [Range<Int>]? = nil) {
      self.rule = rule
      self.range = range
      self.parts = parts ?? [range]
    }
  }

  private let findsPersonalData: Bool
  private static let rules = SecretRule.all
  /// Rule and keyword by the automaton's number.
  private static let keywords: [(rule: Int, bytes: [UInt8])] = rules.enumerated().flatMap { index, rule in
    rule.keywords.map { (index, Array($0.utf8)) }
  }
  private static let automaton = KeywordAutomaton(keywords.map(\.bytes))
  private static let gates = keywords.map { KeywordGate(rules[$0.rule], keyword: $0.bytes) }
  /// Replacing may bring forth a finding beside it; more rounds than this were never needed.
  private static let maximumRounds = 8

  /// A scanner for secrets and, unless told otherwise, for e-mail addresses, public IP addresses, phone numbers, payment
  /// cards and IBANs.
  public init(findsPersonalData: Bool = true) {
    self.findsPersonalData = findsPersonalData
  }

  /// Everything found, in order; findings of different rules may overlap.
  ///
  /// Complexity: linear.
  public func findings(in bytes: [UInt8]) -> [Finding] {
    findings(in: bytes, asksGates: true)
  }

  /// - Parameter asksGates: whether keywords that cannot lead to anything are passed over; the findings are the same.
  func findings(in bytes: [UInt8], asksGates: Bool) -> [Finding] {
    bytes.withUnsafeBufferPointer { findings(in: $0, asksGates: asksGates) }
  }

  private func findings(in bytes: UnsafeBufferPointer<UInt8>, asksGates: Bool) -> [Finding] {
    let text = SecretText(bytes)
    let rules = Self.rules
    let keywords = Self.keywords
    let gates = Self.gates
    var found: [Finding] = []
    Self.automaton.scan(bytes) { number, end in
      guard gates[number].opens(text, end: end) || !asksGates else { return }
      let keyword = keywords[number]
      let rule = rules[keyword.rule]
      if !findsPersonalData, rule.isPersonal { return }
      let matching = SecretMatching(text: text, rule: rule, keyword: keyword.bytes, end: end)
      guard let finding = matching.finding(), !Placeholder.isOne(text[finding.range]) else { return }
      found.append(finding)
      if rule.name == "aws-access-key", let secret = matching.awsSecret(behind: finding.range.upperBound) {
        found.append(secret)
      }
    }
    return found.sorted {
      ($0.range.lowerBound, $1.range.upperBound) < ($1.range.lowerBound, $0.range.upperBound)
    }
  }

  /// Replaces what is found by placeholders of the same length and tells where they stand, in order, not overlapping.
  ///
  /// Placeholders are ASCII words (`GITHUB_TOKEN_xxxxxxxx`), so that strings stay strings and code still parses. Line
  /// breaks inside keys stay. Text without findings is left as it is, and so is text that was redacted before.
  public func redact(_ bytes: inout [UInt8]) -> [SourceFile.Redaction] {
    var all: [SourceFile.Redaction] = []
    for _ in 0..<Self.maximumRounds {
      let found = findings(in: bytes)
      if found.isEmpty { break }
      for finding in found {
        Placeholder.write(finding, into: &bytes)
        all.append(SourceFile.Redaction(rule: finding.rule, range: finding.range))
      }
    }
    return Self.merged(all)
  }

  private static func merged(_ redactions: [SourceFile.Redaction]) -> [SourceFile.Redaction] {
    var merged: [SourceFile.Redaction] = []
    for next in redactions.sorted(by: {
      ($0.range.lowerBound, $1.range.upperBound) < ($1.range.lowerBound, $0.range.upperBound)
    }) {
      if let last = merged.last, next.range.lowerBound < last.range.upperBound {
        let range = last.range.lowerBound..<max(last.range.upperBound, next.range.upperBound)
        merged[merged.count - 1] = SourceFile.Redaction(rule: last.rule, range: range)
      } else {
        merged.append(next)
      }
    }
    return merged
  }
}

/// The words that stand where a secret stood.
enum Placeholder {
  private static let padding = UInt8(ascii: "x")

  /// `GITHUB_TOKEN_xxxx`, cut to the length asked for.
  static func text(rule: String, count: Int) -> [UInt8] {
    let label =
      rule.utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 & 0xDF } + [UInt8(ascii: "_")]
    return Array(label.prefix(count)) + [UInt8](repeating: padding, count: max(0, count - label.count))
  }

  private static let labels: [[UInt8]] = SecretRule.names.map { text(rule: $0, count: $0.utf8.count + 1) }

  /// Whether a text is a placeholder, whole or cut.
  static func isOne(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    guard let first = bytes.first, first >= 0x41, first <= 0x5A else { return false }
    return labels.contains { label in
      bytes.prefix(label.count).elementsEqual(label.prefix(bytes.count))
        && bytes.dropFirst(label.count).allSatisfy { $0 == padding }
    }
  }

  /// The label goes to the first part that has room for it.
  static func write(_ finding: SecretScanner.Finding, into bytes: inout [UInt8]) {
    var needsLabel = true
    for part in finding.parts {
      if needsLabel {
        bytes.replaceSubrange(part, with: text(rule: finding.rule, count: part.count))
        needsLabel = part.count < finding.rule.utf8.count
      } else {
        bytes.replaceSubrange(part, with: repeatElement(padding, count: part.count))
      }
    }
  }
}

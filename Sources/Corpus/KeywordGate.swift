/// What must hold around a keyword for its rule to find anything: a few comparisons without any memory to manage, since
/// short keywords such as digits stand everywhere.
struct KeywordGate: Sendable {
  private enum Kind: UInt8 {
    case open, token, discord, email, number
  }

  private let kind: Kind
  private let first: UInt8
  private let last: UInt8
  private let length: Int
  /// What may follow the keyword; before an `@`, what may stand there.
  private let body: ByteSet

  init(_ rule: SecretRule, keyword: [UInt8]) {
    var kind = Kind.open
    var body = ByteSet.word
    switch rule.matcher {
    case .token(let set, let count) where count.lowerBound > 0:
      kind = .token
      body = set
    case .discord: kind = .discord
    case .email:
      kind = .email
      body = ByteSet("A-Za-z0-9_.%+-")
    case .number:
      kind = .number
      // What stands behind the first digit of an address or a card: more of it, or a sign within it.
      body = ByteSet("0-9A-Fa-f.: -")
    default: break
    }
    self.kind = kind
    self.body = body
    first = keyword.first ?? 0
    last = keyword.last ?? 0
    length = keyword.count
  }

  /// False where the rule cannot find anything.
  @inline(__always)
  func opens(_ text: SecretText, end: Int) -> Bool {
    switch kind {
    case .open: return true
    case .token:
      // In its exact case.
      return text[end - 1] == last && text[end - length] == first && body.contains(text[end])
    case .discord: return text[end + 6] == UInt8(ascii: ".")
    case .email: return body.contains(text[end - 2]) && ByteSet.alphanumeric.contains(text[end])
    case .number: return mayBeNumber(text, end)
    }
  }

  /// Behind a plus sign or two capitals anything; else not inside of a word or a number.
  @inline(__always)
  private func mayBeNumber(_ text: SecretText, _ end: Int) -> Bool {
    let before = text[end - 2]
    if before == UInt8(ascii: "+") || (before >= 0x41 && before <= 0x5A) { return true }
    return !ByteSet.word.contains(before) && before != UInt8(ascii: ".") && before != UInt8(ascii: "-")
      && body.contains(text[end])
  }
}

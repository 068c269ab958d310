extension SecretMatching {
  /// `api_key = "…"`, `"token": "…"`, `PASSWORD=…`, `setSecret("…")`, `<password>…`, `--token …`: a value that looks
  /// random behind a name that says what it is.
  func assignment(isPassword: Bool) -> SecretScanner.Finding? {
    guard let place = valueStart() else { return nil }
    let value: Range<Int>
    let isQuoted: Bool
    switch text[place] {
    case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
      guard let inside = quoted(at: place) else { return nil }
      value = inside
      isQuoted = true
    default:
      guard let bare = bare(at: place) else { return nil }
      value = bare
      isQuoted = false
    }
    guard isSecret(value, isPassword: isPassword, isQuoted: isQuoted) else { return nil }
    return SecretScanner.Finding(rule.name, value)
  }

  private static let operators = ByteSet("=:>,(!?~|<-")
  private static let closers = ByteSet("\"'`])}\\")

  /// Where the value behind the name begins, at its quote if it has one.
  private func valueStart() -> Int? {
    var index = text.run(from: end, of: .nameTail, limit: 40)
    // A command line's flag has its value behind a space.
    let isFlag = text[text.run(before: start, of: .urlSafe, limit: 40)] == UInt8(ascii: "-")
    index = text.run(from: index, of: Self.closers, limit: 4)
    let space = text.run(from: index, of: .blank, limit: 40)
    let after = text.run(from: space, of: Self.operators, limit: 4)
    if after == space {
      // `token string = "…"` names a type first.
      if let typed = typed(at: space) { return typed }
      return isFlag && space > index ? space : nil
    }
    index = skipSpace(after)
    if isQuote(index) { return index }
    if let prefixed = prefixed(at: index) { return prefixed }
    if let typed = typed(at: index) { return typed }
    return index
  }

  private func isQuote(_ index: Int) -> Bool {
    text[index] == UInt8(ascii: "\"") || text[index] == UInt8(ascii: "'") || text[index] == UInt8(ascii: "`")
  }

  /// Blanks, one line break with the signs that continue a line, a list's bracket, and a backslash before a quote.
  private func skipSpace(_ start: Int) -> Int {
    var index = text.run(from: start, of: .openers, limit: 40)
    if text[index] == UInt8(ascii: "\\") || text[index] == UInt8(ascii: "|")
      || text[index] == UInt8(ascii: ">")
    {
      index = text.run(from: index + 1, of: .continuers, limit: 8)
    }
    if text[index] == 0x0D { index += 1 }
    if text[index] == 0x0A { index = text.run(from: index + 1, of: .lineLead, limit: 80) }
    return index
  }

  /// `b"…"`, `rb'…'`, `@"…"`.
  private func prefixed(at index: Int) -> Int? {
    let tail = text.run(from: index, of: .stringPrefixes, limit: 2)
    return tail > index && isQuote(tail) ? tail : nil
  }

  /// `: str = "…"`, `String = "…"`, `SecretStr("…")`, `[]byte("…")`, `new Secret("…")`: the quote behind at most two
  /// words.
  private func typed(at start: Int) -> Int? {
    var index = start
    for _ in 0..<3 {
      let word = text.run(from: index, of: .typeName, limit: 40)
      guard word > index else { return nil }
      index = text.run(from: word, of: .blank, limit: 10)
      if text[index] == UInt8(ascii: "=") || text[index] == UInt8(ascii: "(") {
        index = text.run(from: index + 1, of: .callSpace, limit: 10)
        if isQuote(index) { return index }
        if let prefixed = prefixed(at: index) { return prefixed }
      }
    }
    return nil
  }

  /// What stands between quotes of one kind, without blanks in it.
  private func quoted(at place: Int) -> Range<Int>? {
    let quote = text[place]
    var start = place + 1
    // Three quotes open a long string.
    if text[start] == quote, text[start + 1] == quote { start += 2 }
    let limit = min(text.count, start + 1_024)
    var index = start
    while index < limit {
      let byte = text[index]
      if byte == quote || byte == 0x0A || (byte == UInt8(ascii: "\\") && text[index + 1] == quote) { break }
      guard byte > 0x20, byte < 0x7F else { return nil }
      index += 1
    }
    guard index < limit, index > start else { return nil }
    return start..<index
  }

  /// An unquoted value, up to white space or a sign that ends it; nil where code goes on.
  private func bare(at place: Int) -> Range<Int>? {
    let tail = text.run(from: place, of: .bareValue, limit: 512)
    var value = place..<tail
    if let last = value.last, ByteSet.sentenceEnds.contains(text[last]) { value = place..<(tail - 1) }
    guard !value.isEmpty, !ByteSet.brackets.contains(text[tail]) else { return nil }
    return value
  }

  private func isSecret(_ value: Range<Int>, isPassword: Bool, isQuoted: Bool) -> Bool {
    guard value.count >= (isPassword && isQuoted ? 8 : 10), value.count <= 1_000 else { return false }
    let bytes = text[value]
    guard !Randomness.isPlaceholder(bytes), !value.contains(where: { text.has("://", at: $0) }) else {
      return false
    }
    var digits = 0
    var capitals = 0
    var letters = 0
    for byte in bytes {
      if ByteSet.digits.contains(byte) { digits += 1 }
      if byte >= 0x41, byte <= 0x5A { capitals += 1 }
      if byte | 0x20 >= 0x61, byte | 0x20 <= 0x7A { letters += 1 }
    }
    // Numbers, dates and versions are no secrets; neither are words.
    guard letters >= 2, digits > 0 || (capitals > 1 && value.count >= 16) else { return false }
    guard letters + digits >= value.count * 3 / 4 else { return false }
    // Without quotes it may be an expression: then names and dots speak against a secret sooner.
    // So does a small number behind small letters: `subject_token_0`.
    let isPlain = capitals == 0 && digits * 5 <= value.count
    let limit = isPlain ? 1.0 : isQuoted ? 4 : bytes.contains(UInt8(ascii: ".")) ? 0 : 2
    guard Randomness.wordEvidence(bytes) < limit else { return false }
    if !isQuoted, digits < 2 { return false }
    // A short text cannot reach the threshold of a long one: n different bytes have log2(n) bits.
    let possible = Randomness.bits(value.count)
    return Randomness.entropy(bytes) >= min(rule.minimumEntropy, 0.88 * possible)
  }
}

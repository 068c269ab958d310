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
    guard !value.contains(where: { text.has("://", at: $0) }) else { return false }
    let kinds = ByteKinds(bytes)
    if isPassword, isQuoted, isSigned(bytes, kinds) { return true }
    guard !Randomness.isPlaceholder(bytes) else { return false }
    if isHexKey(bytes, kinds) { return true }
    if isPassword, isQuoted, isChosenPassword(bytes, kinds) { return true }
    // Numbers, dates and versions are no secrets; neither are words.
    guard kinds.letters >= 2, kinds.digits > 0 || (kinds.capitals > 1 && value.count >= 16) else {
      return false
    }
    guard kinds.letters + kinds.digits >= value.count * 3 / 4 else { return false }
    // Without quotes it may be an expression: then names and dots speak against a secret sooner.
    // So does a small number behind small letters: `subject_token_0`.
    let limit = kinds.isPlain ? 1.0 : isQuoted ? 4 : bytes.contains(UInt8(ascii: ".")) ? 0 : 2
    guard Randomness.wordEvidence(bytes) < limit else { return false }
    if !isQuoted, kinds.digits < 2 { return false }
    // A short text cannot reach the threshold of a long one: n different bytes have log2(n) bits.
    let possible = Randomness.bits(value.count)
    return Randomness.entropy(bytes) >= min(rule.minimumEntropy, 0.88 * possible)
  }

  private typealias Value = Slice<UnsafeBufferPointer<UInt8>>

  /// A key of 24 or more hexadecimal digits: sixteen signs have at most 4 bits, 24 of them at random hardly less than 2.8.
  private func isHexKey(_ bytes: Value, _ kinds: ByteKinds) -> Bool {
    bytes.count >= 24 && kinds.digits > 0 && kinds.letters > 0 && bytes.allSatisfy(ByteSet.anyHex.contains)
      && Randomness.entropy(bytes) >= 2.8
  }

  /// A long secret with signs in it, as frameworks make them: their signs look like a template's.
  private func isSigned(_ bytes: Value, _ kinds: ByteKinds) -> Bool {
    bytes.count >= 24 && kinds.digits > 0 && kinds.letters + kinds.digits >= bytes.count / 2
      && kinds.letters + kinds.digits < bytes.count && Randomness.entropy(bytes) >= 4
      && Randomness.wordEvidence(bytes) < 2 && !Randomness.isPlaceholder(bytes, signsCount: false)
  }

  /// What people take for a password, right behind a name that ends with the word: words with a number, a name with a
  /// sign, eight mixed letters.
  private func isChosenPassword(_ bytes: Value, _ kinds: ByteKinds) -> Bool {
    guard nameEndsHere, bytes.count <= 64, kinds.letters >= 2, !bytes.contains(UInt8(ascii: "/")),
      !bytes.contains(UInt8(ascii: "(")) || Randomness.wordEvidence(bytes) < 0
    else { return false }
    // `password_1`, `field-2` and `config.value1` are names.
    let isName =
      kinds.isPlain
      && (kinds.digits < 2 || bytes.contains(UInt8(ascii: "_")) || bytes.contains(UInt8(ascii: ".")))
    if kinds.digits > 0 { return !isName }
    let isMixed = kinds.capitals > 0 && kinds.capitals < kinds.letters
    return isMixed && Randomness.wordEvidence(bytes) < 0
  }

  /// Whether the name ends with the keyword's word: `db_password`, `pwd2`, not `password_field`.
  private var nameEndsHere: Bool {
    guard keyword.first == UInt8(ascii: "p") else { return false }
    let tail = text.run(from: end, of: .nameTail, limit: 40)
    let rest = String(decoding: text[end..<tail].map { $0 | 0x20 }, as: UTF8.self)
    let word = ["ord", "d", "hrase", ""].first { rest.hasPrefix($0) } ?? ""
    return rest.dropFirst(word.count).allSatisfy(\.isNumber)
  }
}

/// What the bytes of a value are.
struct ByteKinds {
  private(set) var letters = 0
  private(set) var capitals = 0
  private(set) var digits = 0
  private let count: Int

  init(_ bytes: some Collection<UInt8>) {
    count = bytes.count
    for byte in bytes {
      if ByteSet.digits.contains(byte) { digits += 1 }
      if byte >= 0x41, byte <= 0x5A { capitals += 1 }
      if byte | 0x20 >= 0x61, byte | 0x20 <= 0x7A { letters += 1 }
    }
  }

  /// Small letters with at most a small number.
  var isPlain: Bool { capitals == 0 && digits * 5 <= count }
}

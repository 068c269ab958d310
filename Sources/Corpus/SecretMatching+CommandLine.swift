extension SecretMatching {
  private static let keyBody = ByteSet("A-Za-z0-9!@#$%^&*(_=+)-")
  private static let wordEnds = ByteSet(" \t\r\n\"'`,;|&)>")

  /// `django-insecure-` and the key behind it.
  func frameworkKey() -> SecretScanner.Finding? {
    let tail = text.run(from: end, of: Self.keyBody, limit: 101)
    guard (24...100).contains(tail - end), Randomness.entropy(text[end..<tail]) >= rule.minimumEntropy else {
      return nil
    }
    return SecretScanner.Finding(rule.name, start..<tail)
  }

  /// A password among the words of a command or of a `.netrc` file, within 200 bytes on the line.
  func commandLine() -> SecretScanner.Finding? {
    guard text.isBorder(before: start, of: .word) else { return nil }
    let line = end..<text.lineEnd(from: end, limit: 200)
    for index in line where text[index - 1] <= 0x20 {
      let value: Int?
      switch keyword.first {
      case UInt8(ascii: "m") where keyword.starts(with: "mysql".utf8):
        value = text.has("-p", at: index) ? index + 2 : behind("--password=", at: index)
      case UInt8(ascii: "m"): value = behind("password ", at: index)
      case UInt8(ascii: "w"):
        value = behind("--password=", at: index) ?? behind("--http-password=", at: index)
      default: value = userPassword(at: index)
      }
      if let value, let found = password(at: value) { return found }
    }
    return nil
  }

  private func behind(_ word: StaticString, at index: Int) -> Int? {
    text.has(word, at: index) ? index + word.utf8CodeUnitCount : nil
  }

  /// Behind `-u user:` or `--user user:`.
  private func userPassword(at index: Int) -> Int? {
    guard var place = behind("-u", at: index) ?? behind("--user", at: index) else { return nil }
    place = text.run(from: place, of: ByteSet(" ='\""), limit: 3)
    let user = text.run(from: place, of: .urlUser, limit: 64)
    return user > place && text[user] == UInt8(ascii: ":") ? user + 1 : nil
  }

  private func password(at place: Int) -> SecretScanner.Finding? {
    var first = place
    if text[first] == UInt8(ascii: "'") || text[first] == UInt8(ascii: "\"") { first += 1 }
    var tail = first
    while tail < min(text.count, first + 128), text[tail] > 0x20, text[tail] < 0x7F,
      !Self.wordEnds.contains(text[tail])
    {
      tail += 1
    }
    let value = text[first..<tail]
    let kinds = ByteKinds(value)
    let isMixed = kinds.digits > 0 || (kinds.capitals > 0 && kinds.capitals < kinds.letters)
    guard tail - first >= 6, kinds.letters > 0, isMixed, !Self.isKnownHole(value),
      !Randomness.isPlaceholder(value)
    else { return nil }
    return SecretScanner.Finding(rule.name, first..<tail)
  }
}

extension SecretMatching {
  /// A private key in PEM or OpenSSH form: the lines between its marks, whatever quotes and comment signs surround them.
  func privateKey() -> SecretScanner.Finding? {
    let name = text.run(from: end, of: .keyTitle, limit: 60)
    let title = String(decoding: text[start..<name], as: UTF8.self)
    guard title.contains("PRIVATE KEY") else { return nil }
    let body = text.run(from: name, of: .dashes, limit: 10)
    var lines = KeyLines(text: text, from: body)
    lines.takeAll()
    guard lines.isKey, lines.byteCount >= 20, let first = lines.parts.first, let last = lines.parts.last
    else { return nil }
    return SecretScanner.Finding(rule.name, first.lowerBound..<last.upperBound, parts: lines.parts)
  }

  /// PuTTY's private lines, as many as the file says.
  func puttyKey() -> SecretScanner.Finding? {
    let digits = text.run(from: end, of: .blank, limit: 4)
    let tail = text.run(from: digits, of: .digits, limit: 4)
    guard let count = Int(String(decoding: text[digits..<tail], as: UTF8.self)), count > 0 else { return nil }
    var lines = KeyLines(text: text, from: tail)
    lines.takeAll(atMost: count + 1)
    guard lines.isKey, lines.byteCount >= 20, let first = lines.parts.first, let last = lines.parts.last
    else { return nil }
    return SecretScanner.Finding(rule.name, first.lowerBound..<last.upperBound, parts: lines.parts)
  }
}

/// The lines of a key in base 64, each possibly inside a string literal or a comment; an escaped line break ends a line
/// as a real one does.
private struct KeyLines {
  let text: SecretText
  private var index: Int
  private(set) var parts: [Range<Int>] = []
  private(set) var byteCount = 0
  /// Whether a line was long and random, or the end mark was there.
  private(set) var isKey = false
  private static let set = ByteSet.base64
  /// Longer than any key's line; keys in one line are cut here and go on in the next.
  private static let maximumLine = 16_384
  private static let maximumLines = 400

  init(text: SecretText, from start: Int) {
    self.text = text
    index = start
  }

  mutating func takeAll(atMost limit: Int = maximumLines) {
    var count = 0
    while count < min(limit, Self.maximumLines), takeLine() { count += 1 }
  }

  /// Takes the runs of one line; false at the key's end or where something else begins.
  private mutating func takeLine() -> Bool {
    var runs: [Range<Int>] = []
    var others = 0
    var isOver = false
    let limit = min(text.count, index + Self.maximumLine)
    while index < limit {
      let byte = text[index]
      if byte == 0x0A {
        index += 1
        break
      }
      if byte == UInt8(ascii: "\\"), ByteSet.breakEscapes.contains(text[index + 1]) {
        index += 2
        if text[index - 1] == UInt8(ascii: "n") { break }
        continue
      }
      if text.has("----", at: index) {
        isOver = true
        break
      }
      if Self.set.contains(byte) {
        let tail = text.run(from: index, of: Self.set, limit: limit - index)
        runs.append(index..<tail)
        index = tail
      } else {
        if ByteSet.codeSigns.contains(byte) { others += 1 }
        index += 1
      }
    }
    let hasLong = runs.contains { $0.count >= 20 && Randomness.wordEvidence(text[$0]) < 4 }
    isKey = isKey || hasLong || (isOver && !parts.isEmpty)
    let words = runs.filter { $0.count >= 3 }
    let isHeader = words.count <= 4 && others > 0 && parts.isEmpty
    let isTail = words.count <= 1 && others <= 3
    if hasLong || isTail || isHeader || isOver {
      for run in words where isTail || run.count >= 16 || (isOver && words.count == 1) {
        parts.append(run)
        byteCount += run.count
      }
    }
    return !isOver && index < text.count && (hasLong || isTail || isHeader)
  }
}

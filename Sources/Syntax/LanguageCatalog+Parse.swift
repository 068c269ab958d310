extension LanguageCatalog {
  /// Parses a file with everything that is in it: an HTML page gives its own part, then one for each script and style.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - language: Name of the file's language, as `name(forPath:contents:)` gives it.
  ///   - timeoutMs: Milliseconds for all parts together.
  public func parse(_ bytes: [UInt8], language: String, timeoutMs: Int = 5_000) -> ParsedFile {
    guard let host = self.language(named: language) else { return .unknownLanguage }
    let deadline = ContinuousClock.now + .milliseconds(timeoutMs)
    guard let tree = host.parse(bytes, timeoutMs: timeoutMs) else { return .timedOut }
    let pieces = EmbeddedCode.find(in: tree, source: bytes)
    var parts = [
      ParsedPart(range: 0..<bytes.count, language: host, tree: tree, embedded: pieces.map(\.range))
    ]
    guard !pieces.isEmpty else { return .parts(parts) }
    let lines = LineIndex(bytes)
    for piece in pieces {
      guard let name = piece.language, let guest = self.language(named: name) else { continue }
      let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
      guard left >= 1,
        let tree = guest.parse(bytes, within: piece.range, lines: lines, timeoutMs: Int(left))
      else { return .timedOut }
      parts.append(ParsedPart(range: piece.range, language: guest, tree: tree, embedded: []))
    }
    return .parts(parts)
  }
}

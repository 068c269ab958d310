/// Finds text that says again what was just said.
enum Repetition {
  /// True when a line says enough for its repetition to be no accident (unlike `}` or `end`).
  static func isTelling(_ line: ArraySlice<UInt8>) -> Bool {
    let trimmed = Bytes.trimmed(line)
    return trimmed.count >= 6 && trimmed.count(where: Bytes.isIdentifier) >= 3
  }

  /// True when the lines that would stand in the file repeat the same number of lines right above them, or an import.
  static func repeatsAbove(_ text: ArraySlice<UInt8>, at cursor: CursorContext) -> Bool {
    let lines = Bytes.lines(cursor.lineStart[...] + text).map(Bytes.trimmed).filter { !$0.isEmpty }
    guard !lines.isEmpty, lines.count <= 12, lines.contains(where: isTelling) else { return false }
    let above = cursor.linesAbove(lines.count).map(Bytes.trimmed)
    if above.count == lines.count, zip(above, lines).allSatisfy({ $0.elementsEqual($1) }) { return true }
    return lines.count == 1 && importsAgain(lines[0], at: cursor)
  }

  /// True when a line imports something, and the file says the very same on another line.
  private static func importsAgain(_ line: ArraySlice<UInt8>, at cursor: CursorContext) -> Bool {
    guard
      ["import ", "from ", "#include", "use ", "using "].contains(where: { line.starts(with: Array($0.utf8)) }
      )
    else { return false }
    return [cursor.before[...], cursor.behind[...]].contains { text in
      Bytes.lines(text).contains { Bytes.trimmed($0).elementsEqual(line) }
    }
  }

  /// The longest beginning in which no line follows itself, no pair of lines follows itself and no line stutters.
  static func withoutLoops(_ text: ArraySlice<UInt8>, at cursor: CursorContext) -> ArraySlice<UInt8> {
    let lines = Bytes.lines(text)
    let whole = lines.enumerated().map {
      Bytes.trimmed($0.offset == 0 ? (cursor.lineStart + $0.element)[...] : $0.element)
    }
    for index in lines.indices.dropFirst() where isTelling(whole[index]) {
      if whole[index].elementsEqual(whole[index - 1]) { return text[..<lines[index].startIndex] }
      guard index >= 3 else { continue }
      if whole[index].elementsEqual(whole[index - 2]), whole[index - 1].elementsEqual(whole[index - 3]) {
        return text[..<lines[index - 1].startIndex]
      }
    }
    return withoutStutter(text)
  }

  /// True when the end of `text` is one short unit, at least four times and fifteen bytes.
  static func stutters(_ text: ArraySlice<UInt8>) -> Bool { stutter(text) != nil }

  private static func withoutStutter(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    guard let (unit, repeats) = stutter(text) else { return text }
    let sound = text.dropLast(unit * repeats)
    return sound[..<(sound.lastIndex(of: Bytes.newline) ?? sound.startIndex)]
  }

  private static func stutter(_ text: ArraySlice<UInt8>) -> (unit: Int, repeats: Int)? {
    for unit in 1...24 where text.count >= unit * 4 {
      let tail = text.suffix(unit)
      guard tail.contains(where: Bytes.isIdentifier) else { continue }
      var repeats = 1
      var end = text.endIndex - unit
      while end - unit >= text.startIndex, text[(end - unit)..<end].elementsEqual(tail) {
        repeats += 1
        end -= unit
      }
      if repeats >= 4, repeats * unit >= 15 { return (unit, repeats) }
    }
    return nil
  }
}

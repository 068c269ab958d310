/// A document before and after a change, compared as a whole: clients describe one change in many ways.
struct DocumentDifference {
  /// The document before.
  let old: [UInt8]
  /// The document after.
  let new: [UInt8]
  /// True when the document's lines end with `\r\n`, while suggestions have `\n`.
  let carriageReturns: Bool

  /// Bytes of the suggestion `text` that stand at `start` after the change, `had` of which stood there before; nil
  /// when the change did anything else.
  func present(of text: [UInt8], start: Int, had: Int) -> Int? {
    let whole = asInDocument(text[...])
    let had = asInDocument(text[..<had]).count
    let has = had + new.count - old.count
    guard has >= 0, has <= whole.count, start + had <= old.count, start + has <= new.count,
      old[..<start] == new[..<start], new[start..<start + has] == whole[..<has],
      old[(start + had)...] == new[(start + has)...]
    else { return nil }
    guard carriageReturns else { return has }
    let lineBreaks = whole[..<has].count { $0 == 0x0A }
    let halfBreak = has < whole.count && whole[has] == 0x0A && has > 0 && whole[has - 1] == 0x0D
    return halfBreak ? nil : has - lineBreaks
  }

  /// Where a suggestion with `had` present bytes begins after a change on other lines; nil when the change touches
  /// its line.
  func movedStart(_ start: Int, had: Int) -> Int? {
    guard start + had <= old.count else { return nil }
    let line = old[..<start].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let behind = old.count - line
    if new.count >= behind, old[line...] == new[(new.count - behind)...] {
      let moved = new.count - behind
      guard moved == 0 || new[moved - 1] == 0x0A else { return nil }
      return start + new.count - old.count
    }
    let end = old[(start + had)...].firstIndex(of: 0x0A) ?? old.count
    guard new.count > end, old[..<end] == new[..<end], new[end] == 0x0A || new[end] == 0x0D else {
      return nil
    }
    return start
  }

  private func asInDocument(_ text: ArraySlice<UInt8>) -> [UInt8] {
    carriageReturns ? text.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] } : Array(text)
  }

  /// True when a piece of `text` that ends at `index` ends a word or a line.
  static func isBorder(_ text: [UInt8], at index: Int) -> Bool {
    guard index > 0, index < text.count else { return true }
    return !(isWord(text[index - 1]) && isWord(text[index]))
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }

  /// UTF-16 units of UTF-8 text.
  static func utf16Length(of text: ArraySlice<UInt8>) -> Int {
    text.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + PositionEncoding.utf16.width(lead: $1) }
  }

  /// Bytes that hold the first `length` UTF-16 units of `text`.
  static func bytes(ofUTF16Length length: Int, in text: [UInt8]) -> Int {
    var units = 0
    for index in text.indices where text[index] & 0xC0 != 0x80 {
      guard units < length else { return index }
      units += PositionEncoding.utf16.width(lead: text[index])
    }
    return text.count
  }
}

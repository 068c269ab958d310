/// Which characters may stand side by side within a piece: what cuts a text into words.
///
/// A merged symbol is always a piece. So where no piece that merging can make holds the characters `c1 c2` side by
/// side, no merge ever reaches over the border between them, and what lies left of it is merged as if the rest were
/// not there, and the other way round. Cutting at such a border therefore changes nothing, for any order of merging;
/// words can be encoded one by one, looked up when they come again, and left alone when the text changes elsewhere.
///
/// Characters are put into 256 classes: each ASCII character is one, `▁` counts as the space that it stands for, all
/// others share 128. Sharing only makes words longer than need be, never wrong.
struct JoinTable: Sendable {
  /// A bit for each two classes.
  private var bits = [UInt64](repeating: 0, count: 256 * 4)

  /// The class of the space and of `▁`.
  static let space: UInt8 = 0x20

  /// The class of a valid character of `count` bytes.
  @inline(__always)
  static func characterClass(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int) -> UInt8 {
    if count == 1 { return text[start] }
    // The last byte has six bits that differ, the one before tells scripts apart.
    let last = text[start + count - 1]
    let before = text[start + count - 2]
    if count == 3, last == 0x81, before == 0x96, text[start] == 0xE2 { return space }
    return 0x80 | ((last ^ before << 3) & 0x7F)
  }

  /// Whether a word may go on from a character of the first class to one of the second.
  @inline(__always)
  func mayJoin(_ first: UInt8, _ second: UInt8) -> Bool {
    bits[Int(first) << 2 | Int(second) >> 6] >> UInt64(second & 63) & 1 != 0
  }

  /// Marks all neighbours within a piece, which is valid UTF-8 or else never comes out of merging.
  mutating func insert(_ piece: UnsafeBufferPointer<UInt8>) {
    var previous: UInt8?
    var position = 0
    while position < piece.count, let count = UTF8Scanner.validLength(piece, at: position) {
      let next = Self.characterClass(piece, position, count)
      if let previous {
        bits[Int(previous) << 2 | Int(next) >> 6] |= 1 << UInt64(next & 63)
      }
      previous = next
      position += count
    }
  }
}

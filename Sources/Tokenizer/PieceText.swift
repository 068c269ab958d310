/// The texts of all pieces, one behind the other.
struct PieceText: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [UInt32] = []

  /// All pieces together may not take more bytes; loaders refuse files that are larger.
  static let limit = 1 << 30

  /// How many pieces there are.
  var count: Int { ends.count }

  mutating func reserve(pieces: Int, bytes byteCount: Int) {
    bytes.reserveCapacity(byteCount)
    ends.reserveCapacity(pieces)
  }

  mutating func append(_ piece: some Sequence<UInt8>) {
    bytes.append(contentsOf: piece)
    ends.append(UInt32(bytes.count))
  }

  /// Where the piece of `token` lies in the bytes that `withBytes` lends.
  @inline(__always)
  func range(of token: Int) -> Range<Int> {
    (token == 0 ? 0 : Int(ends[token - 1]))..<Int(ends[token])
  }

  subscript(token: Int) -> ArraySlice<UInt8> { bytes[range(of: token)] }

  func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    bytes.withUnsafeBufferPointer(body)
  }

  /// Whether the piece of `token` is `other`.
  @inline(__always)
  func equals(_ token: Int, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
    let range = range(of: token)
    return range.count == other.count && hasBytes(other, at: range.lowerBound)
  }

  /// Whether the piece of `token` is `left` and then `right`.
  @inline(__always)
  func equals(
    _ token: Int, _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    let range = range(of: token)
    return range.count == left.count + right.count && hasBytes(left, at: range.lowerBound)
      && hasBytes(right, at: range.lowerBound + left.count)
  }

  @inline(__always)
  private func hasBytes(_ other: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      var position = 0
      while other.count - position > 8 {
        guard ByteHash.word(bytes, start + position, 8) == ByteHash.word(other, position, 8) else {
          return false
        }
        position += 8
      }
      let rest = other.count - position
      return ByteHash.word(bytes, start + position, rest) == ByteHash.word(other, position, rest)
    }
  }
}

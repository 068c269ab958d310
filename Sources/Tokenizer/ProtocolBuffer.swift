/// Reads the fields of one protocol buffer message; every length is checked.
struct ProtocolBufferReader {
  /// A value as it stands on the wire.
  enum Value {
    case integer(UInt64)
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
    case fixed64(UInt64)
  }

  /// Why the bytes are no message.
  struct Damage: Error {
    let byteOffset: Int
    let problem: String
  }

  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// The next field; `nil` at the end.
  mutating func next() throws(Damage) -> (number: UInt64, value: Value)? {
    guard position < bytes.endIndex else { return nil }
    let key = try integer()
    switch key & 7 {
    case 0: return (key >> 3, .integer(try integer()))
    case 1: return (key >> 3, .fixed64(try fixed(UInt64.self)))
    case 2:
      let length = try integer()
      guard let length = Int(exactly: length) else { throw damage("a field of \(length) bytes") }
      return (key >> 3, .bytes(try take(length)))
    case 5: return (key >> 3, .fixed32(try fixed(UInt32.self)))
    default: throw damage("wire type \(key & 7)")
    }
  }

  private func damage(_ problem: String) -> Damage { Damage(byteOffset: position, problem: problem) }

  private mutating func take(_ count: Int) throws(Damage) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.endIndex - position else {
      throw damage("\(count) bytes expected, \(bytes.endIndex - position) left")
    }
    defer { position += count }
    return bytes[position..<(position + count)]
  }

  private mutating func integer() throws(Damage) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < bytes.endIndex else { throw damage("the message ends within a number") }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw damage("a number of more than ten bytes")
  }

  private mutating func fixed<Integer: FixedWidthInteger>(_: Integer.Type) throws(Damage) -> Integer {
    try take(MemoryLayout<Integer>.size).reversed().reduce(0) { $0 << 8 | Integer($1) }
  }
}

/// Builds one protocol buffer message.
struct ProtocolBufferWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append(_ number: UInt64, integer value: Int) {
    appendInteger(number << 3)
    appendInteger(UInt64(bitPattern: Int64(value)))
  }

  mutating func append(_ number: UInt64, bytes value: some Collection<UInt8>) {
    appendInteger(number << 3 | 2)
    appendInteger(UInt64(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func append(_ number: UInt64, float value: Float) {
    appendInteger(number << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private mutating func appendInteger(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// A value of GGUF metadata.
public enum GGUFValue: Sendable, Equatable {
  case uint8(UInt8)
  case int8(Int8)
  case uint16(UInt16)
  case int16(Int16)
  case uint32(UInt32)
  case int32(Int32)
  case uint64(UInt64)
  case int64(Int64)
  case float32(Float)
  case float64(Double)
  case bool(Bool)
  case string(String)
  case array(GGUFArray)

  /// The value of an integer of any width, if it fits.
  public var intValue: Int? {
    switch self {
    case .uint8(let value): Int(value)
    case .int8(let value): Int(value)
    case .uint16(let value): Int(value)
    case .int16(let value): Int(value)
    case .uint32(let value): Int(value)
    case .int32(let value): Int(value)
    case .uint64(let value): Int(exactly: value)
    case .int64(let value): Int(exactly: value)
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  /// The value of a number of any kind.
  public var floatValue: Double? {
    switch self {
    case .float32(let value): Double(value)
    case .float64(let value): value
    case .uint64(let value): Double(value)
    case .uint8, .int8, .uint16, .int16, .uint32, .int32, .int64, .bool, .string, .array:
      intValue.map(Double.init)
    }
  }

  /// The text, if this is one.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }

  /// The Boolean, if this is one.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The array, if this is one.
  public var arrayValue: GGUFArray? { if case .array(let value) = self { value } else { nil } }

  /// The number by which files name the type of this value.
  var type: GGUFType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .uint64: .uint64
    case .int64: .int64
    case .float32: .float32
    case .float64: .float64
    case .bool: .bool
    case .string: .string
    case .array: .array
    }
  }
}

/// The types of GGUF metadata by their numbers in files.
enum GGUFType: UInt32, Sendable {
  case uint8 = 0
  case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

  /// The bytes that one value takes; for text and arrays the least possible.
  var leastByteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64, .string: 8
    case .array: 12
    }
  }

  var hasFixedSize: Bool { self != .string && self != .array }
}

/// An array of GGUF metadata, kept as it is encoded: a vocabulary costs nothing until somebody asks for it.
public struct GGUFArray: Sendable, Equatable {
  /// How many elements there are.
  public let count: Int
  /// How many bytes they take, encoded.
  public var byteCount: Int { encoded.count }
  let elementType: GGUFType
  /// The elements as they stand in the file; checked when the file is read.
  let encoded: ByteRegion

  init(elementType: GGUFType, count: Int, encoded: ByteRegion) {
    self.elementType = elementType
    self.count = count
    self.encoded = encoded
  }

  /// An array of texts, given as UTF-8.
  public init(texts: [[UInt8]]) {
    var encoder = GGUFEncoder()
    for text in texts { encoder.appendText(text) }
    self.init(elementType: .string, count: texts.count, encoded: ByteRegion(encoder.bytes))
  }

  /// An array of texts.
  public init(_ strings: [String]) {
    self.init(texts: strings.map { Array($0.utf8) })
  }

  /// An array of 32-bit numbers.
  public init(_ floats: [Float]) {
    var encoder = GGUFEncoder()
    for value in floats { encoder.append(value.bitPattern) }
    self.init(elementType: .float32, count: floats.count, encoded: ByteRegion(encoder.bytes))
  }

  /// An array of 32-bit integers.
  public init(_ integers: [Int32]) {
    var encoder = GGUFEncoder()
    for value in integers { encoder.append(value) }
    self.init(elementType: .int32, count: integers.count, encoded: ByteRegion(encoder.bytes))
  }

  /// An array of Booleans.
  public init(_ booleans: [Bool]) {
    self.init(elementType: .bool, count: booleans.count, encoded: ByteRegion(booleans.map { $0 ? 1 : 0 }))
  }

  /// The texts as bytes; `nil` if the elements are no texts.
  public func texts() -> [[UInt8]]? {
    var texts: [[UInt8]] = []
    return forEachText { texts.append([UInt8]($0)) } ? texts : nil
  }

  /// Lends each text in turn, without copying; false if the elements are no texts.
  public func forEachText(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard elementType == .string else { return false }
    encoded.withBytes { bytes in
      var position = 0
      for _ in 0..<count {
        let length = Int(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
        position += 8
        body(UnsafeRawBufferPointer(rebasing: bytes[position..<(position + length)]))
        position += length
      }
    }
    return true
  }

  /// The texts; `nil` if the elements are no texts. Bytes that are not UTF-8 become U+FFFD.
  public func strings() -> [String]? { texts()?.map { String(decoding: $0, as: UTF8.self) } }

  /// The numbers as 32-bit floating point; `nil` if the elements are no numbers.
  public func floats() -> [Float]? { numbers { $0.floatValue.map(Float.init) } }

  /// The integers; `nil` if the elements are no integers, or one does not fit.
  public func integers() -> [Int]? { numbers(\.intValue) }

  /// The Booleans; `nil` if the elements are none.
  public func booleans() -> [Bool]? { numbers(\.boolValue) }

  private func numbers<Number>(_ convert: (GGUFValue) -> Number?) -> [Number]? {
    guard elementType.hasFixedSize else { return nil }
    return encoded.withBytes { bytes in
      var numbers: [Number] = []
      numbers.reserveCapacity(count)
      for index in 0..<count {
        let value = GGUFValue(fixed: elementType, bytes, at: index * elementType.leastByteCount)
        guard let number = value.flatMap(convert) else { return nil }
        numbers.append(number)
      }
      return numbers
    }
  }

  /// Equal when the elements are, byte for byte.
  public static func == (left: GGUFArray, right: GGUFArray) -> Bool {
    left.elementType == right.elementType && left.count == right.count
      && left.encoded.withBytes { first in right.encoded.withBytes { first.elementsEqual($0) } }
  }
}

extension GGUFValue {
  /// Reads a value of fixed size; `nil` for text, arrays and Booleans that are neither 0 nor 1.
  ///
  /// - Precondition: the bytes are there.
  init?(fixed type: GGUFType, _ bytes: UnsafeRawBufferPointer, at offset: Int) {
    func load<Integer: FixedWidthInteger>(_: Integer.Type) -> Integer {
      Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }
    switch type {
    case .uint8: self = .uint8(load(UInt8.self))
    case .int8: self = .int8(load(Int8.self))
    case .uint16: self = .uint16(load(UInt16.self))
    case .int16: self = .int16(load(Int16.self))
    case .uint32: self = .uint32(load(UInt32.self))
    case .int32: self = .int32(load(Int32.self))
    case .uint64: self = .uint64(load(UInt64.self))
    case .int64: self = .int64(load(Int64.self))
    case .float32: self = .float32(Float(bitPattern: load(UInt32.self)))
    case .float64: self = .float64(Double(bitPattern: load(UInt64.self)))
    case .bool:
      guard bytes[offset] <= 1 else { return nil }
      self = .bool(bytes[offset] == 1)
    case .string, .array: return nil
    }
  }
}

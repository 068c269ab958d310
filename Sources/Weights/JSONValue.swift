/// A JSON document: the small, hostile-safe parser and writer that every module shares.
///
/// Numbers without fraction or exponent that fit become `.int`, all others `.double`. Strings are Unicode; a lone
/// surrogate escape becomes U+FFFD. Objects keep the order of their keys.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// Parses one JSON document, which must fill `bytes` but for white space.
  ///
  /// - Throws: `JSONError` with the byte offset of the first problem. Nesting deeper than `maximumDepth` is an
  ///   error, so that no input can exhaust the stack.
  public init(parsing bytes: [UInt8], maximumDepth: Int = 256) throws(JSONError) {
    let parsed: Result<JSONValue, JSONError> = bytes.withUnsafeBufferPointer { buffer in
      var parser = JSONParser(bytes: buffer, maximumDepth: maximumDepth)
      do throws(JSONError) { return .success(try parser.parseDocument()) } catch { return .failure(error) }
    }
    self = try parsed.get()
  }

  /// Parses one JSON document given as text.
  public init(parsing text: String, maximumDepth: Int = 256) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), maximumDepth: maximumDepth)
  }

  /// The UTF-8 text of the document; `pretty` puts members on lines of their own, indented by two spaces.
  /// Numbers that are not finite, which JSON cannot hold, are written as `null`.
  public func serialized(pretty: Bool = false) -> [UInt8] {
    var writer = JSONWriter(pretty: pretty)
    writer.write(self, depth: 0)
    return writer.output
  }
}

// MARK: - Reading values

extension JSONValue {
  /// The Boolean, if this is one.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

  /// The integer, if this is one or a double with an exactly equal integer.
  public var intValue: Int? {
    switch self {
    case .int(let value): value
    case .double(let value): Int(exactly: value)
    case .null, .bool, .string, .array, .object: nil
    }
  }

  /// The number, if this is one.
  public var doubleValue: Double? {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    case .null, .bool, .string, .array, .object: nil
    }
  }

  /// The text, if this is a string.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }

  /// The elements, if this is an array.
  public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

  /// The members, if this is an object.
  public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// Whether this is `null`.
  public var isNull: Bool { self == .null }

  /// The member called `key` of an object; `nil` where there is none. Setting turns anything else into an object.
  public subscript(key: String) -> JSONValue? {
    get { objectValue?[key] }
    set {
      var object = objectValue ?? JSONObject()
      object[key] = newValue
      self = .object(object)
    }
  }

  /// The element at `index` of an array; `nil` where there is none.
  public subscript(index: Int) -> JSONValue? {
    guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
    return elements[index]
  }
}

// MARK: - Literals

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An integer.
  public init(integerLiteral value: Int) { self = .int(value) }
  /// A number with a fraction.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// A Boolean.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object whose members stand in the order written.
  public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}

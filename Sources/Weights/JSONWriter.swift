/// Builds the text of a JSON document.
struct JSONWriter {
  private(set) var output: [UInt8] = []
  private let pretty: Bool

  init(pretty: Bool) {
    self.pretty = pretty
  }

  mutating func write(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: text("null")
    case .bool(let value): text(value ? "true" : "false")
    case .int(let value): text(String(value))
    case .double(let value): text(value.isFinite ? String(value) : "null")
    case .string(let value): string(value)
    case .array(let elements):
      container("[", "]", elements, depth: depth) { writer, element in writer.write(element, depth: depth + 1)
      }
    case .object(let object):
      container("{", "}", object.members, depth: depth) { writer, member in
        writer.string(member.key)
        writer.text(writer.pretty ? ": " : ":")
        writer.write(member.value, depth: depth + 1)
      }
    }
  }

  private mutating func container<Element>(
    _ open: String, _ close: String, _ elements: [Element], depth: Int,
    _ body: (inout JSONWriter, Element) -> Void
  ) {
    text(open)
    for (index, element) in elements.enumerated() {
      if index > 0 { text(",") }
      newLine(depth + 1)
      body(&self, element)
    }
    if !elements.isEmpty { newLine(depth) }
    text(close)
  }

  private mutating func newLine(_ depth: Int) {
    guard pretty else { return }
    output.append(0x0A)
    output.append(contentsOf: repeatElement(0x20, count: 2 * depth))
  }

  private mutating func text(_ text: String) {
    output.append(contentsOf: text.utf8)
  }

  private mutating func string(_ string: String) {
    let hex = Array("0123456789abcdef".utf8)
    output.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): text("\\\"")
      case UInt8(ascii: "\\"): text("\\\\")
      case 0x0A: text("\\n")
      case 0x0D: text("\\r")
      case 0x09: text("\\t")
      case 0..<0x20, 0x7F:
        text("\\u00")
        output.append(hex[Int(byte >> 4)])
        output.append(hex[Int(byte & 15)])
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}

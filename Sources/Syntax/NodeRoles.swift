/// What a node kind is for the carver, the chunker and the completion rules; read from `nodes.json`.
public struct NodeRoles: OptionSet, Sendable, Hashable {
  /// The bits.
  public let rawValue: UInt32

  /// Creates a set from its bits.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The whole file.
  public static let root = NodeRoles(rawValue: 1 << 0)
  /// A body whose children are statements or members.
  public static let block = NodeRoles(rawValue: 1 << 1)
  /// A literal or declaration whose children are separated elements.
  public static let list = NodeRoles(rawValue: 1 << 2)
  /// Arguments of a call.
  public static let arguments = NodeRoles(rawValue: 1 << 3)
  /// Parameters of a function.
  public static let parameters = NodeRoles(rawValue: 1 << 4)
  /// A statement.
  public static let statement = NodeRoles(rawValue: 1 << 5)
  /// An expression with inner structure.
  public static let expression = NodeRoles(rawValue: 1 << 6)
  /// A call.
  public static let call = NodeRoles(rawValue: 1 << 7)
  /// An assignment or a declaration with a value.
  public static let assignment = NodeRoles(rawValue: 1 << 8)
  /// A function.
  public static let function = NodeRoles(rawValue: 1 << 9)
  /// A type declaration.
  public static let type = NodeRoles(rawValue: 1 << 10)
  /// A member of a type or a definition at file level.
  public static let member = NodeRoles(rawValue: 1 << 11)
  /// An import.
  public static let `import` = NodeRoles(rawValue: 1 << 12)
  /// A node that carries a control-flow condition.
  public static let condition = NodeRoles(rawValue: 1 << 13)
  /// A type annotation or type expression.
  public static let annotation = NodeRoles(rawValue: 1 << 14)
  /// A collection literal.
  public static let literal = NodeRoles(rawValue: 1 << 15)
  /// A string.
  public static let string = NodeRoles(rawValue: 1 << 16)
  /// A comment.
  public static let comment = NodeRoles(rawValue: 1 << 17)
  /// Has a name in the grammar, but only opens or closes its parent, like a tag of HTML; no element of anything.
  public static let punctuation = NodeRoles(rawValue: 1 << 18)

  /// Names in `nodes.json` and the role each gives.
  static let byName: [String: NodeRoles] = [
    "root": .root, "block": .block, "list": .list, "arguments": .arguments, "parameters": .parameters,
    "statement": .statement, "expression": .expression, "call": .call, "assignment": .assignment,
    "function": .function, "class": .type, "member": .member, "import": .import, "condition": .condition,
    "type": .annotation, "literal": .literal, "string": .string, "comment": .comment,
    "punctuation": .punctuation,
  ]
}

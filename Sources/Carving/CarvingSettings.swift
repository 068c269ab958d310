/// How holes are cut: a settings file. The defaults were measured on the history of real repositories; the numbers in
/// the comments are percent of fill-in-the-middle examples unless they say otherwise.
///
/// Shares are relative: within a table they need not add up to anything.
public struct CarvingSettings: Sendable, Equatable {
  /// Shares of the classes N, R, L, B, C, I, S and E among fill-in-the-middle examples.
  public var classes: [FIMExample.Kind: Double]
  /// Share of all examples that are plain left-to-right documents, 0 to 1.
  public var plainShare: Double
  /// Lengths per class; classes that are not named have `Lengths.any`.
  public var lengths: [FIMExample.Kind: Lengths]
  /// What class N cuts: shares of the units.
  public var units: [Unit: Double]
  /// Where class L begins: shares of the places.
  public var triggers: [Trigger: Double]
  /// How often plain holes are changed.
  public var modifiers: Modifiers
  /// What is too short or too long.
  public var caps: Caps
  /// Largest total of prefix, middle and suffix, in bytes.
  public var windowBytes: Int
  /// A file gives one example an epoch per so many bytes …
  public var bytesPerExample: Int
  /// … but not more than this.
  public var examplesPerFile: Int
  /// A file that was last changed so many days before the newest one counts half.
  public var recencyHalfLifeDays: Double
  /// Test files count this much, 0 to 1, where tests are more than `testsMayFill` of the bytes.
  public var testShare: Double
  /// Share of a corpus, 0 to 1, up to which tests count in full.
  public var testsMayFill: Double

  /// Shares of the lengths of one class.
  public struct Lengths: Sendable, Equatable {
    /// One line, 2–5, 6–15 and 16–30 lines.
    public var lines: [Double]
    /// Within one line: 1–7, 8–15, 16–31, 32–63 and more bytes.
    public var inLine: [Double]

    /// Creates shares.
    public init(lines: [Double], inLine: [Double]) {
      self.lines = lines
      self.inLine = inLine
    }

    /// As a corpus offers them.
    public static let any = Lengths(lines: [1, 1, 1, 1], inLine: [1, 1, 1, 1, 1])
  }

  /// The kinds of nodes that class N cuts.
  public enum Unit: String, Sendable, CaseIterable, Codable {
    /// A call.
    case call
    /// What stands between the brackets of a call.
    case arguments
    /// The condition of an `if` or a loop.
    case condition
    /// The right side of an assignment or a declaration.
    case rightSide
    /// Any other expression.
    case expression
    /// A statement in a block.
    case statement
    /// A block: what stands between its brackets.
    case block
    /// A definition, or a member of a type.
    case member
    /// Parameters, or a type in a signature.
    case signature
    /// An import.
    case `import`
    /// A collection or another literal.
    case literal
    /// A single name, number or keyword of fewer than eight bytes.
    case token
  }

  /// The places where class L begins.
  public enum Trigger: String, Sendable, CaseIterable, Codable {
    /// Behind a name, or inside it.
    case identifier
    /// Behind the indentation.
    case lineStart
    /// Behind a keyword and a space.
    case keyword
    /// Behind `(`.
    case openParenthesis
    /// Behind `= ` or `:= `.
    case assignment
    /// Behind `.`, `->` or `::`.
    case member
    /// Behind `, `.
    case comma
    /// Behind `: ` or `-> `.
    case typePosition
    /// Behind an opening quote.
    case quote
    /// Behind `{` or `[`.
    case openBracket
    /// Behind an operator and a space.
    case other
  }

  /// Shares of holes, 0 to 1, that are changed after they were cut.
  public struct Modifiers: Sendable, Equatable {
    /// N, R, L and B: the middle begins inside its first word.
    public var midToken: Double
    /// Bracketed units and line tails: the closing bracket belongs to the middle.
    public var closerInside: Double
    /// All but E: the suffix ends with the line of the hole.
    public var danglingSuffix: Double
    /// B: the prefix ends with the indentation of the first line, not with the line before it.
    public var indentOnly: Double

    /// Creates shares.
    public init(midToken: Double, closerInside: Double, danglingSuffix: Double, indentOnly: Double) {
      self.midToken = midToken
      self.closerInside = closerInside
      self.danglingSuffix = danglingSuffix
      self.indentOnly = indentOnly
    }
  }

  /// Limits.
  public struct Caps: Sendable, Equatable {
    /// Fewest bytes of N and R; shorter ones are left to L and C, and to the unit `token`.
    public var smallestNode: Int
    /// Most bytes of N, R, I and S.
    public var nodeBytes: Int
    /// Most bytes of B.
    public var blockBytes: Int
    /// Most lines of B.
    public var blockLines: Int
    /// Most bytes of C.
    public var spanBytes: Int
    /// Most middles, as a share of 1, that are only comments or documentation strings.
    public var commentShare: Double
    /// Most middles, as a share of 1, that lie in a string.
    public var stringShare: Double
    /// How much likelier the code right behind a comment line is chosen: the comment says what is meant.
    public var afterComment: Double

    /// Creates limits.
    public init(
      smallestNode: Int, nodeBytes: Int, blockBytes: Int, blockLines: Int, spanBytes: Int,
      commentShare: Double, stringShare: Double, afterComment: Double
    ) {
      self.smallestNode = smallestNode
      self.nodeBytes = nodeBytes
      self.blockBytes = blockBytes
      self.blockLines = blockLines
      self.spanBytes = spanBytes
      self.commentShare = commentShare
      self.stringShare = stringShare
      self.afterComment = afterComment
    }
  }

  /// The classes that are cut out of the syntax of a file, in the order of the documentation.
  public static let classes: [FIMExample.Kind] = [
    .node, .siblingRun, .lineTail, .blockTail, .characterSpan, .import, .signatureOrBody, .empty,
  ]

  /// The measured defaults.
  public static let measured = CarvingSettings()

  /// The measured defaults, to be changed.
  public init() {
    classes = [
      .node: 24, .siblingRun: 22, .lineTail: 26, .blockTail: 12, .characterSpan: 10, .import: 2,
      .signatureOrBody: 2, .empty: 2,
    ]
    plainShare = 0.15
    // Over all classes: one line 55, 2–5 27, 6–15 13, 16–30 5. Line tails and imports are one line and spans mostly, so
    // that the others hold more of the long ones; bytes within a line as in edits of one line (median 8–14, p90 29–62).
    lengths = [
      .node: Lengths(lines: [36, 41, 18, 5], inLine: [0, 30, 34, 26, 10]),
      .siblingRun: Lengths(lines: [36, 41, 18, 5], inLine: [0, 28, 34, 28, 10]),
      .lineTail: Lengths(lines: [100, 0, 0, 0], inLine: [22, 24, 28, 20, 6]),
      .blockTail: Lengths(lines: [0, 43, 32, 25], inLine: [0, 0, 0, 1, 1]),
      .characterSpan: Lengths(lines: [78, 17, 5, 0], inLine: [38, 16, 17, 17, 12]),
      .import: Lengths(lines: [80, 15, 5, 0], inLine: [1, 1, 1, 1, 1]),
      .signatureOrBody: .any,
    ]
    units = [
      .call: 12, .arguments: 8, .condition: 6, .rightSide: 6, .expression: 3, .statement: 35, .block: 12,
      .member: 8, .signature: 6, .import: 2, .literal: 2, .token: 0,
    ]
    triggers = [
      .identifier: 24, .lineStart: 16, .keyword: 13, .openParenthesis: 12, .assignment: 10, .member: 9,
      .comma: 6, .typePosition: 5, .quote: 2, .openBracket: 2, .other: 1,
    ]
    modifiers = Modifiers(midToken: 0.25, closerInside: 0.3, danglingSuffix: 0.1, indentOnly: 0.5)
    caps = Caps(
      smallestNode: 8, nodeBytes: 700, blockBytes: 1_500, blockLines: 30, spanBytes: 256,
      commentShare: 0.02, stringShare: 0.03, afterComment: 1.5)
    windowBytes = 2_400
    bytesPerExample = 600
    examplesPerFile = 24
    recencyHalfLifeDays = 180
    testShare = 0.3
    testsMayFill = 0.4
  }

  /// Share of each class among all examples, plain ones with them; adds up to one.
  public var shares: [FIMExample.Kind: Double] {
    let sum = classes.values.reduce(0, +)
    guard sum > 0 else { return [.plain: 1] }
    var shares = classes.mapValues { $0 / sum * (1 - plainShare) }
    shares[.plain] = plainShare
    return shares
  }

  /// Number of examples that a file is worth in one epoch, before its age is considered.
  public func exampleCount(bytes: Int) -> Int {
    bytes <= 0 ? 0 : min(examplesPerFile, (bytes - 1) / bytesPerExample + 1)
  }

  /// Whether single names and numbers are worth looking for.
  var wantsTokens: Bool { (units[.token] ?? 0) > 0 && shares(of: .node)[HoleLength.tiny.index] > 0 }

  /// Shares of the eight groups of lengths that are carved, for one class.
  func shares(of kind: FIMExample.Kind) -> [Double] {
    let lengths = self.lengths[kind] ?? .any
    let sum = lengths.inLine.reduce(0, +)
    let single = lengths.inLine.map { sum > 0 ? $0 / sum * lengths.lines[0] : 0 }
    return single + lengths.lines.dropFirst()
  }
}

/// A piece of a file that can be read on its own: a function, a type, a group of declarations.
public struct CodeChunk: Sendable, Equatable {
  /// What a chunk is.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// A function or method, or a part of a long one.
    case function
    /// A type with its members, or the head of one whose members are chunks of their own.
    case type
    /// Neighbouring declarations and statements at file level.
    case group
    /// Lines between blank lines, where no grammar is known.
    case block
  }

  /// The chunk's bytes; whole lines.
  public let byteRange: Range<Int>
  /// The chunk's lines, from 1.
  public let lineRange: ClosedRange<Int>
  /// Name of what is defined, with the names around it (`Type.method`); empty for none.
  public let symbol: String
  /// What it is.
  public let kind: Kind

  /// Creates a chunk.
  public init(byteRange: Range<Int>, lineRange: ClosedRange<Int>, symbol: String, kind: Kind) {
    self.byteRange = byteRange
    self.lineRange = lineRange
    self.symbol = symbol
    self.kind = kind
  }
}

import Foundation
import Syntax

/// What the rest of a repository needs to know about a file: its imports, the names that it defines and its chunks with
/// their telling words as hashes. Holds no text besides the imports' names; about 10 % of the file's size.
///
/// Kept packed, in memory as in a cache; `encoded` is the whole of it.
public struct FileFacts: Sendable, Codable, Equatable {
  /// The packed form; hostile when it comes from a file, and checked by `init(encoded:)`.
  public let encoded: [UInt8]

  /// The facts of a file without anything to say.
  public static let empty = FileFacts(FactTables())

  /// Collects the facts of a file.
  ///
  /// - Parameters:
  ///   - path: Repository-relative path with `/` separators.
  ///   - source: The file, cleaned: what is here may be shown to a model.
  ///   - parts: Its parts as `LanguageCatalog.parse` gives them; empty where no grammar is known.
  ///   - notice: Bytes of the licence notice at the top, which is in no chunk; nil for none.
  public init(path: String, source: [UInt8], parts: [ParsedPart], notice: Range<Int>? = nil) {
    self.init(FactFinder(path: path, source: source, trees: parts.map(\.tree), notice: notice).tables())
  }

  /// Facts as they were packed; nil when these bytes were not made by this version of `encoded`.
  public init?(encoded: [UInt8]) {
    guard FactTables(encoded) != nil else { return nil }
    self.encoded = encoded
  }

  /// Facts that this process packed and kept where nobody else writes; should they be damaged all the same, they say
  /// nothing.
  public init(kept encoded: [UInt8]) {
    self.encoded = encoded
  }

  init(_ tables: FactTables) {
    encoded = tables.packed()
  }

  /// Unpacked; empty tables when the bytes are damaged.
  var tables: FactTables { FactTables(encoded) ?? FactTables() }

  /// 0-based lines of the chunks, in order.
  var chunkLines: [Range<Int>] { tables.chunks.map(\.lines) }

  /// Decodes one block of bytes.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let facts = FileFacts(encoded: [UInt8](try container.decode(Data.self))) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "file facts are damaged or of another version; carve the file again")
    }
    self = facts
  }

  /// Encodes one block of bytes.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Data(encoded))
  }
}

import Context
import Corpus

/// One hole of a file, as offsets: what a cache keeps instead of the texts.
///
/// `window` holds prefix, middle and suffix. Without white space at its ends the middle is `unit`, except for two
/// modifiers: with `midToken` it begins later, inside the unit's first word, and with `closerInside` it ends later,
/// behind the closing bracket that follows the unit.
public struct CarvedHole: Sendable, Equatable {
  /// Carving class.
  public var kind: FIMExample.Kind
  /// Bytes of the file that the example shows.
  public var window: Range<Int>
  /// Bytes of the middle, inside the window.
  public var middle: Range<Int>
  /// Bytes of the syntax unit that the middle was cut from.
  public var unit: Range<Int>
  /// What was done to the plain hole.
  public var modifiers: [FIMExample.Modifier]
  /// Node kinds from the root to the carved node or to the parent of the carved run, joined by `/`.
  public var nodePath: String
  /// The language of the part of the file that holds the hole.
  public var language: String

  /// Creates a hole from its parts.
  public init(
    kind: FIMExample.Kind, window: Range<Int>, middle: Range<Int>, unit: Range<Int>,
    modifiers: [FIMExample.Modifier] = [], nodePath: String, language: String
  ) {
    self.kind = kind
    self.window = window
    self.middle = middle
    self.unit = unit
    self.modifiers = modifiers
    self.nodePath = nodePath
    self.language = language
  }

  /// The example with its texts; nil when the offsets do not fit the file, as when a cache belongs to another one.
  public func example(
    in file: SourceFile, contentHash: String = "", context: [ContextSnippet] = []
  ) -> FIMExample? {
    let size = file.bytes.count
    guard window.lowerBound >= 0, window.upperBound <= size, middle.lowerBound >= window.lowerBound,
      middle.upperBound <= window.upperBound
    else { return nil }
    func text(_ range: Range<Int>) -> String? { String(validating: file.bytes[range], as: UTF8.self) }
    guard let prefix = text(window.lowerBound..<middle.lowerBound), let hole = text(middle),
      let suffix = text(middle.upperBound..<window.upperBound)
    else { return nil }
    return FIMExample(
      path: file.path, language: language, kind: kind, nodePath: nodePath, windowStart: window.lowerBound,
      middleStart: middle.lowerBound, middleEnd: middle.upperBound, prefix: prefix, middle: hole,
      suffix: suffix, unit: unit, modifiers: modifiers, context: context, contentHash: contentHash)
  }
}

/// A short array in JSON: class, six offsets, modifiers as bits, path, language.
extension CarvedHole: Codable {
  /// Reads a hole.
  public init(from decoder: any Decoder) throws {
    var values = try decoder.unkeyedContainer()
    func range() throws -> Range<Int> {
      let low = try values.decode(Int.self)
      let high = try values.decode(Int.self)
      guard low >= 0, low <= high else {
        throw DecodingError.dataCorruptedError(
          in: values, debugDescription: "a range that ends before it begins")
      }
      return low..<high
    }
    kind = try values.decode(FIMExample.Kind.self)
    window = try range()
    middle = try range()
    unit = try range()
    let bits = try values.decode(Int.self)
    modifiers = FIMExample.Modifier.allCases.enumerated().filter { bits >> $0.offset & 1 != 0 }.map(\.element)
    nodePath = try values.decode(String.self)
    language = try values.decode(String.self)
  }

  /// Writes a hole.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.unkeyedContainer()
    try values.encode(kind)
    for range in [window, middle, unit] {
      try values.encode(range.lowerBound)
      try values.encode(range.upperBound)
    }
    let all = FIMExample.Modifier.allCases
    try values.encode(all.indices.reduce(0) { $0 | (modifiers.contains(all[$1]) ? 1 << $1 : 0) })
    try values.encode(nodePath)
    try values.encode(language)
  }
}

/// What was cut from one file, and what was not.
public struct FileCarving: Sendable, Equatable, Codable {
  /// The holes, in the order in which they were drawn.
  public var holes: [CarvedHole]
  /// How many candidates were dropped, by reason.
  public var drops: [String: Int]
  /// The dropped candidates with their ranges; only when asked for.
  public var dropped: [Dropped]

  /// A candidate that was dropped.
  public struct Dropped: Sendable, Equatable, Codable {
    /// Bytes of the file.
    public let range: Range<Int>
    /// Why.
    public let reason: DropReason

    /// Creates an entry.
    public init(range: Range<Int>, reason: DropReason) {
      self.range = range
      self.reason = reason
    }
  }

  /// Creates a carving.
  public init(holes: [CarvedHole] = [], drops: [DropReason: Int] = [:], dropped: [Dropped] = []) {
    self.holes = holes
    self.drops = Dictionary(uniqueKeysWithValues: drops.map { ($0.key.rawValue, $0.value) })
    self.dropped = dropped
  }

  /// The counts with typed keys.
  public var dropCounts: [DropReason: Int] {
    Dictionary(
      uniqueKeysWithValues: drops.compactMap { key, value in DropReason(rawValue: key).map { ($0, value) } })
  }
}

import Tokenizer
import Weights

/// The tokens that mark the parts of a fill-in-the-middle prompt, and where they come from.
///
/// CodeGemma has them. Plain Gemmas have not, but rows of the embedding that no text has used: an adapter can be taught to
/// take four of those for the marks. It serves only with the assignment that it was trained with, so that its card
/// names ids and pieces.
public struct FIMTokens: Sendable, Equatable {
  /// Where the marks come from.
  public enum Source: String, Sendable, Codable {
    /// The vocabulary names them, and the base knows what they mean.
    case native
    /// Unused pieces: the base has never seen them, an adapter has to learn them.
    case unused
  }

  /// A mark.
  public struct Mark: Sendable, Equatable {
    /// Its id.
    public var id: Int32
    /// Its piece in the vocabulary, such as `<unused60>`.
    public var piece: String

    /// Creates a mark.
    public init(id: Int32, piece: String) {
      self.id = id
      self.piece = piece
    }
  }

  /// Where the marks come from.
  public var source: Source
  /// Comes before the text before the hole.
  public var prefix: Mark
  /// Comes before what is to be filled in.
  public var middle: Mark
  /// Comes before the text behind the hole.
  public var suffix: Mark
  /// Ends each file of the context; nil where a blank line has to do.
  public var fileSeparator: Mark?

  /// The marks of a vocabulary: those that it names; else CodeGemma's ids 67 to 70 where these are unused pieces; else the
  /// first four pieces that are called `<unusedN>`. Nil where there are none of all these.
  public static func resolve(_ tokenizer: Tokenizer) -> FIMTokens? {
    let vocabulary = tokenizer.vocabulary
    func mark(_ id: Int32) -> Mark {
      Mark(id: id, piece: String(decoding: vocabulary.piece(Int(id)), as: UTF8.self))
    }
    if let prefix = tokenizer.fimPrefix, let middle = tokenizer.fimMiddle, let suffix = tokenizer.fimSuffix {
      let isUnused = isUnusedName(vocabulary.piece(Int(prefix)))
      return FIMTokens(
        source: isUnused ? .unused : .native, prefix: mark(prefix), middle: mark(middle),
        suffix: mark(suffix), fileSeparator: tokenizer.fileSeparator.map(mark))
    }
    var marks: [Mark] = []
    for id in 0..<vocabulary.count where marks.count < 4 && isUnusedName(vocabulary.piece(id)) {
      marks.append(mark(Int32(id)))
    }
    guard marks.count == 4 else { return nil }
    return FIMTokens(
      source: .unused, prefix: marks[0], middle: marks[1], suffix: marks[2], fileSeparator: marks[3])
  }

  /// The vocabulary in which no text becomes one of the marks.
  func reserved(in tokenizer: Tokenizer) -> Tokenizer {
    let wanted = Vocabulary.FIMTokens(
      prefix: prefix.id, middle: middle.id, suffix: suffix.id, fileSeparator: fileSeparator?.id)
    return tokenizer.vocabulary.fim == wanted ? tokenizer : tokenizer.reserving(wanted)
  }

  /// Whether a piece is called `<unusedN>`.
  private static func isUnusedName(_ piece: ArraySlice<UInt8>) -> Bool {
    let start = Array("<unused".utf8)
    return piece.starts(with: start) && piece.last == UInt8(ascii: ">") && piece.count > start.count + 1
      && piece.dropFirst(start.count).dropLast().allSatisfy { (0x30...0x39).contains($0) }
  }
}

extension FIMTokens {
  /// As an adapter's card keeps it: `source`, and id and piece of each mark.
  public var json: JSONObject {
    func value(_ mark: Mark) -> JSONValue { ["id": .int(Int(mark.id)), "piece": .string(mark.piece)] }
    var object = JSONObject()
    object["source"] = .string(source.rawValue)
    object["prefix"] = value(prefix)
    object["middle"] = value(middle)
    object["suffix"] = value(suffix)
    if let fileSeparator { object["file_separator"] = value(fileSeparator) }
    return object
  }

  /// Reads what `json` wrote; nil for anything else.
  public init?(json: JSONObject) {
    func mark(_ key: String) -> Mark? {
      guard let id = json[key]?["id"]?.intValue.flatMap({ Int32(exactly: $0) }),
        let piece = json[key]?["piece"]?.stringValue
      else { return nil }
      return Mark(id: id, piece: piece)
    }
    guard let source = json["source"]?.stringValue.flatMap(Source.init(rawValue:)),
      let prefix = mark("prefix"), let middle = mark("middle"), let suffix = mark("suffix")
    else { return nil }
    self.init(
      source: source, prefix: prefix, middle: middle, suffix: suffix, fileSeparator: mark("file_separator"))
  }

  /// Checks that an adapter was trained with these marks; `card` is what its card says, nil in cards older than the marks.
  ///
  /// - Throws: `GenerationError.otherInfillTokens`.
  public func check(adapter: String, card: JSONObject?) throws(GenerationError) {
    guard let card else { return }
    guard let theirs = FIMTokens(json: card) else {
      throw .otherInfillTokens(adapter: adapter, trained: "marks that cannot be read", here: description)
    }
    guard theirs == self else {
      throw .otherInfillTokens(adapter: adapter, trained: theirs.description, here: description)
    }
  }
}

extension FIMTokens: CustomStringConvertible {
  /// Pieces with their ids, on one line.
  public var description: String {
    [prefix, middle, suffix, fileSeparator].compactMap(\.self).map { "\($0.piece) \($0.id)" }
      .joined(separator: ", ")
  }
}

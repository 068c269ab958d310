/// The pieces of a byte-pair vocabulary with the properties that encoding depends on.
///
/// Pieces are byte strings in which a space is written as `▁` (U+2581). One long array holds all of them.
public struct Vocabulary: Sendable {
  /// What a piece is for; the numbers are those of SentencePiece and GGUF.
  public enum PieceType: UInt8, Sendable {
    case normal = 1
    case unknown, control, userDefined, unused, byte
  }

  /// Whose rules a vocabulary follows where SentencePiece and the transformers library differ.
  public enum Convention: String, Sendable {
    /// Names of control pieces are never recognised unless asked for, user-defined pieces always, and spaces count as
    /// `▁` when they are; neighbours merge by score. From `tokenizer.model`, and GGUF files made of it.
    case sentencePiece = "SentencePiece"
    /// Added tokens are looked for in the text as it was typed; neighbours merge in the order of a list. Runs of spaces
    /// longer than the longest piece come out differently from SentencePiece. From `tokenizer.json`, and GGUF files
    /// with a list of merges.
    case transformers
  }

  /// How many pieces there are.
  public var count: Int { types.count }
  /// Merging prefers the higher score.
  public private(set) var scores: [Float] = []
  /// What each piece is for.
  public private(set) var types: [PieceType] = []
  /// The pieces as they are stored.
  private(set) var text = PieceText()

  /// The token before every text.
  public internal(set) var beginToken: Int32 = 2
  /// The token after every text.
  public internal(set) var endToken: Int32 = 1
  /// The token that fills up a batch.
  public internal(set) var padToken: Int32?
  /// The token for what cannot be encoded.
  public internal(set) var unknownToken: Int32?
  /// The tokens of fill-in-the-middle prompts.
  public internal(set) var fim = FIMTokens()
  /// Whether a space is put before every text.
  public internal(set) var addsSpaceBeforeText = false
  /// Whose rules the vocabulary follows where two families differ.
  public internal(set) var convention = Convention.sentencePiece
  /// Whether merging follows the ids of the merged pieces, because neither scores nor a list of merges say anything.
  public internal(set) var ranksByIdentifier = false
  /// Whether user-defined pieces are recognised only on request, as in Gemma 4.
  var userDefinedAreSpecial = false
  /// Whether whole pieces hold `▁` or spaces and must match the text as it was typed.
  var wholesMatchRawText = false
  /// The merges in their order, where the file lists them; otherwise any two neighbours that together are a piece merge,
  /// the best score first.
  var merges: MergeTable?
  /// Whether runs of line feeds, tabs and spaces are cut off greedily before merging although their pieces are not
  /// marked as user-defined: the mark is lost when Gemma's vocabularies are converted to GGUF, and with a list of
  /// merges it is the same as merging.
  var cutsRuns = false

  /// The tokens that mark the parts of a fill-in-the-middle prompt.
  public struct FIMTokens: Sendable, Equatable {
    /// Comes before the code before the hole.
    public var prefix: Int32?
    /// Comes before what is to be filled in.
    public var middle: Int32?
    /// Comes before the code after the hole.
    public var suffix: Int32?
    /// Separates files.
    public var fileSeparator: Int32?

    /// Creates marks; those that are not given are missing.
    public init(
      prefix: Int32? = nil, middle: Int32? = nil, suffix: Int32? = nil, fileSeparator: Int32? = nil
    ) {
      self.prefix = prefix
      self.middle = middle
      self.suffix = suffix
      self.fileSeparator = fileSeparator
    }

    var all: [Int32] { [prefix, middle, suffix, fileSeparator].compactMap(\.self) }
  }

  mutating func append(_ piece: some Sequence<UInt8>, score: Float, type: PieceType) {
    text.append(piece)
    scores.append(score)
    types.append(type)
  }

  mutating func setType(_ token: Int, _ type: PieceType) { types[token] = type }

  mutating func reserve(pieces: Int, bytes: Int) {
    text.reserve(pieces: pieces, bytes: bytes)
    scores.reserveCapacity(pieces)
    types.reserveCapacity(pieces)
  }

  /// Where the piece of `token` lies in the bytes that `withText` lends.
  func range(of token: Int) -> Range<Int> { text.range(of: token) }

  func withText<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    text.withBytes(body)
  }

  /// The piece of `token` as it is stored.
  ///
  /// - Precondition: `0 ..< count` contains the token.
  public func piece(_ token: Int) -> ArraySlice<UInt8> { text[token] }

  /// The first token whose piece is `name`; in linear time.
  func token(named name: String) -> Int32? {
    let wanted = Array(name.utf8)
    return (0..<count).first { range(of: $0).count == wanted.count && piece($0).elementsEqual(wanted) }
      .map(Int32.init)
  }

  /// The byte that a byte piece such as `<0x0A>` stands for.
  func byteValue(of token: Int) -> UInt8? {
    let piece = piece(token)
    guard piece.count == 6, piece.starts(with: Array("<0x".utf8)), piece.last == UInt8(ascii: ">") else {
      return nil
    }
    let digits = piece.dropFirst(3).prefix(2).map { Character(Unicode.Scalar($0)) }
    guard digits.allSatisfy({ $0.isASCII }), let high = digits[0].hexDigitValue,
      let low = digits[1].hexDigitValue
    else { return nil }
    return UInt8(high << 4 | low)
  }

  /// Whether the piece is a run that is cut off before merging: line feeds, tabs, or at least two spaces.
  func isRun(_ token: Int) -> Bool {
    let piece = piece(token)
    guard let first = piece.first else { return false }
    if first == 0x0A || first == 0x09 { return piece.allSatisfy { $0 == first } }
    guard piece.count >= 6, piece.count % 3 == 0 else { return false }
    return zip(piece, piece.indices).allSatisfy { $0 == Self.spaceMark[($1 - piece.startIndex) % 3] }
  }

  /// The beginning of the names of tokens that a model has left free.
  static let unusedName = Array("<unused".utf8)

  /// How a space is written in pieces: `▁` in UTF-8.
  static let spaceMark: [UInt8] = [0xE2, 0x96, 0x81]
}

extension Vocabulary {
  /// Finds the fill-in-the-middle tokens by their names; in Gemma 2 to 4, which have none, the unused tokens 67 to 70
  /// take their places, as they did in CodeGemma.
  mutating func findFIMTokens() {
    fim.prefix = fim.prefix ?? token(named: "<|fim_prefix|>")
    fim.middle = fim.middle ?? token(named: "<|fim_middle|>")
    fim.suffix = fim.suffix ?? token(named: "<|fim_suffix|>")
    fim.fileSeparator = fim.fileSeparator ?? token(named: "<|file_separator|>")
    guard fim == FIMTokens(), count > 70, (67...70).allSatisfy({ piece($0).starts(with: Self.unusedName) })
    else { return }
    fim = FIMTokens(prefix: 67, middle: 68, suffix: 69, fileSeparator: 70)
  }

  /// Longer pieces are refused: each place of a text might have to be compared with all of one.
  private static let longestPiece = 1_024

  private func checkTexts(path: String) throws(TokenizerError) {
    if let token = (0..<count).first(where: { range(of: $0).count > Self.longestPiece }) {
      throw .malformed(
        path: path, place: "piece \(token)",
        problem: "\(range(of: token).count) bytes long, where \(Self.longestPiece) are allowed")
    }
    let broken: Int? = withText { text in
      (0..<count).first { token in
        var position = range(of: token).lowerBound
        let end = range(of: token).upperBound
        while position < end {
          guard let length = UTF8Scanner.validLength(text, at: position), position + length <= end else {
            return true
          }
          position += length
        }
        return false
      }
    }
    guard let broken else { return }
    throw .malformed(path: path, place: "piece \(broken)", problem: "not valid UTF-8")
  }

  /// The tokens that never come out of plain text, whatever their type.
  var reservedTokens: Set<Int32> {
    Set(fim.all + [beginToken, endToken] + [padToken, unknownToken].compactMap(\.self))
  }

  /// Checks what encoding relies on: special tokens that exist, and a piece for each of the 256 bytes.
  func check(path: String) throws(TokenizerError) {
    guard count > 0, count <= Int(Int32.max) else {
      throw .malformed(path: path, place: "the pieces", problem: "there are \(count)")
    }
    let special = [beginToken, endToken] + [padToken, unknownToken].compactMap(\.self) + fim.all
    for token in special where !(0..<Int32(count)).contains(token) {
      throw .malformed(
        path: path, place: "the special tokens", problem: "token \(token) is not among the \(count) pieces")
    }
    try checkTexts(path: path)
    var bytes: Set<UInt8> = []
    for token in 0..<count where types[token] == .byte {
      guard let byte = byteValue(of: token) else {
        throw .malformed(
          path: path, place: "piece \(token)", problem: "a byte piece that is not named <0x00>…<0xFF>")
      }
      bytes.insert(byte)
    }
    guard bytes.count == 256 else {
      throw .unsupported(
        path: path, problem: "it has pieces for \(bytes.count) of the 256 bytes, so that text would be lost",
        remedy: "use a model with byte fallback, as all Gemma models have")
    }
  }
}

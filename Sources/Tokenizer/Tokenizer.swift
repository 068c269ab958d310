import Weights

/// Cuts text into the tokens of a model and puts tokens together again.
///
/// Byte-pair encoding over a SentencePiece vocabulary, the same token for token as SentencePiece's own. Any bytes can
/// be encoded: what is not valid UTF-8, or has no piece, becomes byte tokens, so that `decode(encode(x)) == x`. The one
/// exception is the sign `▁` (U+2581), which these vocabularies use for the space: it comes back as a space.
///
/// Control tokens, and those of fill-in-the-middle prompts, never come out of plain text.
public final class Tokenizer: Sendable {
  /// The pieces.
  public let vocabulary: Vocabulary
  private let pieces: PieceTable
  /// Pieces that are taken whole wherever they stand in a text.
  private let wholes: PrefixTrie
  /// The same, and the names of special tokens.
  private let wholesAndSpecials: PrefixTrie
  private let byteTokens: [Int32]
  /// Whether `▁` is only ever the beginning of a piece, so that words can be encoded one by one.
  private let spacesBeginPieces: Bool

  /// How many tokens there are.
  public var vocabularySize: Int { vocabulary.count }
  /// The token before every text.
  public var beginToken: Int32 { vocabulary.beginToken }
  /// The token after every text.
  public var endToken: Int32 { vocabulary.endToken }
  /// The token that fills up a batch.
  public var padToken: Int32? { vocabulary.padToken }
  /// The token for what cannot be encoded; never produced here.
  public var unknownToken: Int32? { vocabulary.unknownToken }
  /// Marks the code before the hole.
  public var fimPrefix: Int32? { vocabulary.fim.prefix }
  /// Marks what is to be filled in.
  public var fimMiddle: Int32? { vocabulary.fim.middle }
  /// Marks the code after the hole.
  public var fimSuffix: Int32? { vocabulary.fim.suffix }
  /// Separates files.
  public var fileSeparator: Int32? { vocabulary.fim.fileSeparator }

  /// A tokenizer from a `tokenizer.model` file.
  public convenience init(sentencePieceModel path: String) throws(TokenizerError) {
    self.init(try Vocabulary(sentencePieceModel: path))
  }

  /// A tokenizer from the metadata of a GGUF file.
  public convenience init(gguf file: GGUFFile) throws(TokenizerError) {
    self.init(try Vocabulary(gguf: file))
  }

  /// A tokenizer for a vocabulary that has been checked.
  init(_ vocabulary: Vocabulary) {
    let reserved = Set(
      vocabulary.fim.all + [vocabulary.beginToken, vocabulary.endToken]
        + [vocabulary.padToken, vocabulary.unknownToken].compactMap(\.self))
    var wholes = PrefixTrie()
    var wholesAndSpecials = PrefixTrie()
    var byteTokens = [Int32](repeating: 0, count: 256)
    var mergeable = [Bool](repeating: false, count: vocabulary.count)
    for token in 0..<vocabulary.count {
      let piece = vocabulary.piece(token)
      let isReserved = reserved.contains(Int32(token))
      var isWhole = false
      var isSpecial = isReserved && !piece.starts(with: Vocabulary.unusedName)
      switch vocabulary.types[token] {
      case .normal:
        isWhole = vocabulary.cutsRuns && vocabulary.isRun(token)
        mergeable[token] = !isReserved
      case .userDefined:
        isWhole = !vocabulary.ranksByIdentifier && !isReserved
        isSpecial = true
        mergeable[token] = isWhole
      case .control, .unknown: isSpecial = true
      case .unused: mergeable[token] = !isReserved
      case .byte: if let byte = vocabulary.byteValue(of: token) { byteTokens[Int(byte)] = Int32(token) }
      }
      if isWhole { wholes.insert(piece, token: Int32(token)) }
      if isWhole || isSpecial { wholesAndSpecials.insert(piece, token: Int32(token)) }
    }
    self.vocabulary = vocabulary
    self.wholes = wholes
    self.wholesAndSpecials = wholesAndSpecials
    self.byteTokens = byteTokens
    pieces = PieceTable(vocabulary) { mergeable[$0] }
    spacesBeginPieces = (0..<vocabulary.count).allSatisfy {
      !mergeable[$0] || !Self.hasSpaceAfterText(vocabulary.piece($0))
    }
  }

  private static func hasSpaceAfterText(_ piece: ArraySlice<UInt8>) -> Bool {
    var rest = piece
    while rest.starts(with: Vocabulary.spaceMark) { rest = rest.dropFirst(3) }
    while let index = rest.firstIndex(of: Vocabulary.spaceMark[0]) {
      rest = rest[index...]
      if rest.starts(with: Vocabulary.spaceMark) { return true }
      rest = rest.dropFirst()
    }
    return false
  }

  /// The tokens of a text, without begin and end.
  ///
  /// - Parameter parseSpecial: Whether the names of special tokens stand for these tokens. Leave it off for text that
  ///   comes from users or files.
  public func encode(_ text: String, parseSpecial: Bool = false) -> [Int32] {
    encode(Array(text.utf8), parseSpecial: parseSpecial)
  }

  /// The tokens of bytes that need not be valid UTF-8, without begin and end.
  public func encode(_ bytes: some Sequence<UInt8>, parseSpecial: Bool = false) -> [Int32] {
    let text = withSpaceMarks(bytes)
    var tokens: [Int32] = []
    tokens.reserveCapacity(text.count / 3)
    text.withUnsafeBufferPointer { text in
      vocabulary.withText { pieceText in
        encode(text, pieceText, parseSpecial ? wholesAndSpecials : wholes, into: &tokens)
      }
    }
    return tokens
  }

  private func withSpaceMarks(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.underestimatedCount * 3 / 2)
    for byte in bytes {
      if text.isEmpty, vocabulary.addsSpaceBeforeText { text.append(contentsOf: Vocabulary.spaceMark) }
      if byte == 0x20 {
        text.append(contentsOf: Vocabulary.spaceMark)
      } else {
        text.append(byte)
      }
    }
    return text
  }

  /// Cuts the text at whole pieces, broken bytes and, where possible, at words; merges what lies between.
  private func encode(
    _ text: UnsafeBufferPointer<UInt8>, _ pieceText: UnsafeBufferPointer<UInt8>, _ wholes: PrefixTrie,
    into tokens: inout [Int32]
  ) {
    var merger = PairMerger()
    var stretchStart = 0
    var position = 0
    var followsSpace = true
    func endStretch() {
      if stretchStart < position {
        encodeStretch(text, stretchStart..<position, pieceText, &merger, into: &tokens)
      }
      stretchStart = position
    }
    while position < text.count {
      if let match = wholes.longestMatch(in: text, at: position) {
        endStretch()
        tokens.append(match.token)
        position += match.count
        stretchStart = position
      } else if let count = UTF8Scanner.validLength(text, at: position) {
        let isSpace =
          count == 3 && text[position] == 0xE2 && text[position + 1] == 0x96 && text[position + 2] == 0x81
        if isSpace, !followsSpace, spacesBeginPieces { endStretch() }
        followsSpace = isSpace
        position += count
      } else {
        endStretch()
        tokens.append(byteTokens[Int(text[position])])
        position += 1
        stretchStart = position
      }
    }
    endStretch()
  }

  private func encodeStretch(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ pieceText: UnsafeBufferPointer<UInt8>,
    _ merger: inout PairMerger, into tokens: inout [Int32]
  ) {
    let byIdentifier = vocabulary.ranksByIdentifier
    func find(_ bytes: UnsafeBufferPointer<UInt8>) -> PairMerger.Found? {
      guard let token = pieces.token(bytes, vocabulary, pieceText) else { return nil }
      return PairMerger.Found(
        token: token, score: byIdentifier ? -Float(token) : vocabulary.scores[Int(token)],
        isUnused: vocabulary.types[Int(token)] == .unused)
    }
    func append(_ token: Int32, _ range: Range<Int>) {
      if token < 0 {
        for index in range { tokens.append(byteTokens[Int(text[index])]) }
      } else if vocabulary.types[Int(token)] == .unused, let count = merger.splits[token] {
        // An unused piece serves merging only and is taken apart again.
        let middle = range.lowerBound + count
        for part in [range.lowerBound..<middle, middle..<range.upperBound] {
          append(find(UnsafeBufferPointer(rebasing: text[part]))?.token ?? -1, part)
        }
      } else {
        tokens.append(token)
      }
    }
    merger.merge(text, range, find: find)
    for symbol in merger.symbols where symbol.count > 0 {
      append(symbol.token, symbol.start..<(symbol.start + symbol.count))
    }
  }
}

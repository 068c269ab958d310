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
  /// How text is cut where names of special tokens are text like any other.
  let plainSegments: SegmentRules
  /// How text is cut where they stand for their tokens.
  let segmentsWithSpecials: SegmentRules
  private let encoders: EncoderPool

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
    var isReserved = [Bool](repeating: false, count: vocabulary.count)
    for token in vocabulary.reservedTokens { isReserved[Int(token)] = true }
    var wholes = PrefixTrie(spacesMatchMarks: !vocabulary.wholesMatchRawText)
    var wholesAndSpecials = wholes
    var joins = JoinTable()
    var byteTokens = [Int32](repeating: 0, count: 256)
    var mergeable = [Bool](repeating: false, count: vocabulary.count)
    vocabulary.withText { text in
      for token in 0..<vocabulary.count {
        let isReserved = isReserved[token]
        var isWhole = false
        var isSpecial = isReserved && !vocabulary.piece(token).starts(with: Vocabulary.unusedName)
        switch vocabulary.types[token] {
        case .normal:
          isWhole = vocabulary.cutsRuns && vocabulary.isRun(token)
          mergeable[token] = !isReserved
        case .userDefined:
          isWhole = !vocabulary.userDefinedAreSpecial && !isReserved
          isSpecial = true
          mergeable[token] = isWhole || (vocabulary.merges != nil && !isReserved)
        case .control, .unknown: isSpecial = true
        case .unused: mergeable[token] = !isReserved
        case .byte: if let byte = vocabulary.byteValue(of: token) { byteTokens[Int(byte)] = Int32(token) }
        }
        if mergeable[token] { joins.insert(UnsafeBufferPointer(rebasing: text[vocabulary.range(of: token)])) }
        if isWhole { wholes.insert(vocabulary.piece(token), token: Int32(token)) }
        if isWhole || isSpecial { wholesAndSpecials.insert(vocabulary.piece(token), token: Int32(token)) }
      }
    }
    self.vocabulary = vocabulary
    plainSegments = SegmentRules(wholes: wholes, joins: joins)
    segmentsWithSpecials = SegmentRules(wholes: wholesAndSpecials, joins: joins)
    let rules = MergeRules(vocabulary, mergeable: mergeable)
    encoders = EncoderPool { [byteTokens] in Encoder(rules: rules, byteTokens: byteTokens) }
  }

  /// The tokens of a text, without begin and end.
  ///
  /// - Parameter parseSpecial: Whether the names of special tokens stand for these tokens. Leave it off for text that
  ///   comes from users or files.
  public func encode(_ text: String, parseSpecial: Bool = false) -> [Int32] {
    var text = text
    return text.withUTF8 { encode($0, parseSpecial: parseSpecial) }
  }

  /// The tokens of bytes that need not be valid UTF-8, without begin and end.
  public func encode(_ bytes: some Sequence<UInt8>, parseSpecial: Bool = false) -> [Int32] {
    let tokens = bytes.withContiguousStorageIfAvailable { encode($0, parseSpecial: parseSpecial) }
    return tokens ?? Array(bytes).withUnsafeBufferPointer { encode($0, parseSpecial: parseSpecial) }
  }

  /// The tokens of bytes that are lent, without begin and end.
  public func encode(_ bytes: UnsafeBufferPointer<UInt8>, parseSpecial: Bool = false) -> [Int32] {
    guard !bytes.isEmpty else { return [] }
    if vocabulary.addsSpaceBeforeText {
      return ([0x20] + bytes).withUnsafeBufferPointer { encodeAll($0, parseSpecial) }
    }
    return encodeAll(bytes, parseSpecial)
  }

  private func encodeAll(_ text: UnsafeBufferPointer<UInt8>, _ parseSpecial: Bool) -> [Int32] {
    withEncoder { encoder in
      encoder.encode(text, parseSpecial ? segmentsWithSpecials : plainSegments)
      return encoder.output.tokens
    }
  }

  /// The same vocabulary with other marks for the parts of a fill-in-the-middle prompt: no text becomes one of them.
  ///
  /// - Precondition: the marks are tokens of the vocabulary.
  public func reserving(_ marks: Vocabulary.FIMTokens) -> Tokenizer {
    precondition(
      marks.all.allSatisfy { (0..<Int32(vocabularySize)).contains($0) }, "a mark beyond the vocabulary")
    var vocabulary = vocabulary
    vocabulary.fim = marks
    return Tokenizer(vocabulary)
  }

  /// The first token whose piece is `name`, special or not; in linear time.
  public func token(named name: String) -> Int32? { vocabulary.token(named: name) }

  /// Lends an encoder whose output is empty.
  func withEncoder<Result>(_ body: (inout Encoder) -> Result) -> Result { encoders.withEncoder(body) }
}

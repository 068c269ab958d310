/// The tokens of a text that is being edited; after each edit only what lies around it is encoded again.
///
/// The tokens are always those of `Tokenizer.encode` for the whole text. Why a part is enough:
///
/// The scanner cuts a text into segments, and the tokens of a segment depend on its bytes only (`JoinTable` says why no
/// merge reaches over its ends). Where a segment begins, the scanner remembers nothing of what came before, so:
///
/// - **Before the edit.** Whether a segment ends at e was decided by bytes before e + `lookahead`. All segments with
///   e + `lookahead` ≤ the beginning of the edit are therefore the same as before, and scanning may go on from the last
///   of them.
/// - **After the edit.** As soon as a segment of the new text begins at a place that is unchanged text and began a segment
///   in the old text too, the rest of both texts is equal and so are all segments and tokens from there on.
///
/// Both are exact for any vocabulary. The cost is that of the words around the edit, plus moving what follows it in
/// memory; a text without any border between words is encoded anew as a whole.
public struct IncrementalTokens: Sendable {
  /// What an edit has done to the tokens.
  public struct Change: Sendable, Equatable {
    /// The tokens that were replaced, by their places before the edit.
    public let replaced: Range<Int>
    /// How many tokens stand there now.
    public let insertedCount: Int
    /// How many bytes were encoded anew.
    public let encodedByteCount: Int
  }

  /// Where a segment begins.
  private struct Border {
    var byte: Int
    var token: Int
  }

  /// What the text is cut with.
  public let tokenizer: Tokenizer
  /// Whether the names of special tokens stand for these tokens.
  public let parsesSpecial: Bool
  /// The tokens of the whole text, without begin and end.
  public private(set) var tokens: [Int32] = []
  /// The text as it is encoded: with a space before it, where the vocabulary wants one.
  private var encoded: [UInt8] = []
  private var borders: [Border] = []

  /// Encodes a text.
  public init(_ tokenizer: Tokenizer, _ text: some Sequence<UInt8>, parseSpecial: Bool = false) {
    self.tokenizer = tokenizer
    parsesSpecial = parseSpecial
    encoded = Array(text)
    if !encoded.isEmpty { encoded.insert(contentsOf: space, at: 0) }
    _ = encode(replacing: 0..<0, oldCount: 0)
  }

  /// The text.
  public var text: ArraySlice<UInt8> { encoded.isEmpty ? [] : encoded[space.count...] }

  /// How many bytes the text has.
  public var byteCount: Int { text.count }

  private var space: [UInt8] { tokenizer.vocabulary.addsSpaceBeforeText ? [0x20] : [] }

  /// Replaces a range of bytes of the text and brings the tokens up to date.
  ///
  /// - Precondition: The range lies within `0 ..< byteCount`.
  @discardableResult
  public mutating func replace(_ range: Range<Int>, with bytes: some Collection<UInt8>) -> Change {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "the range lies outside of the text")
    let oldCount = encoded.count
    // The space before a text comes and goes with the text.
    let shift = space.count
    if encoded.isEmpty {
      guard !bytes.isEmpty else { return Change(replaced: 0..<0, insertedCount: 0, encodedByteCount: 0) }
      encoded = space + bytes
      return encode(replacing: 0..<0, oldCount: 0)
    }
    if range.count == byteCount, bytes.isEmpty {
      encoded = []
      return encode(replacing: 0..<oldCount, oldCount: oldCount)
    }
    let shifted = (range.lowerBound + shift)..<(range.upperBound + shift)
    encoded.replaceSubrange(shifted, with: bytes)
    return encode(replacing: shifted, oldCount: oldCount)
  }

  /// Encodes what an edit may have changed; `edit` is what was replaced in the old text of `oldCount` bytes.
  private mutating func encode(replacing edit: Range<Int>, oldCount: Int) -> Change {
    let rules = parsesSpecial ? tokenizer.segmentsWithSpecials : tokenizer.plainSegments
    let shift = encoded.count - oldCount
    // The first border that the edit may have moved; all before it stay, and scanning begins at the last of them.
    let firstDoubtful = partition { $0.byte + rules.lookahead > edit.lowerBound }
    let kept = max(firstDoubtful - 1, 0)
    let start = kept < borders.count && firstDoubtful > 0 ? borders[kept] : Border(byte: 0, token: 0)
    var next = partition { $0.byte >= edit.upperBound }
    var added: [Border] = []
    var rest = borders.count  // The first old border from which on nothing changes.
    var end = encoded.count
    let newTokens: [Int32] = tokenizer.withEncoder { encoder in
      encoded.withUnsafeBufferPointer { text in
        var scanner = SegmentScanner(text, rules, from: start.byte)
        while scanner.position < text.count {
          let old = scanner.position - shift
          while next < borders.count, borders[next].byte < old { next += 1 }
          if old >= edit.upperBound, next < borders.count, borders[next].byte == old {
            (rest, end) = (next, scanner.position)
            break
          }
          added.append(Border(byte: scanner.position, token: start.token + encoder.output.count))
          guard let segment = scanner.next() else { break }
          encoder.encode(segment, text)
        }
      }
      return encoder.output.tokens
    }
    let replaced = start.token..<(rest < borders.count ? borders[rest].token : tokens.count)
    tokens.replaceSubrange(replaced, with: newTokens)
    let tokenShift = newTokens.count - replaced.count
    if shift != 0 || tokenShift != 0 {
      for index in rest..<borders.count {
        borders[index].byte += shift
        borders[index].token += tokenShift
      }
    }
    borders.replaceSubrange((firstDoubtful > 0 ? kept : 0)..<rest, with: added)
    return Change(replaced: replaced, insertedCount: newTokens.count, encodedByteCount: end - start.byte)
  }

  /// The first border for which `isBehind` is true, which it then is for all that follow.
  private func partition(_ isBehind: (Border) -> Bool) -> Int {
    var (low, high) = (0, borders.count)
    while low < high {
      let middle = (low + high) / 2
      if isBehind(borders[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

import Testing
import Weights

@testable import Tokenizer

@Suite("Tokenizer")
struct TokenizerTests {
  /// Byte strings of all kinds: noise, text, broken text, long runs.
  private func samples(count: Int) -> [[UInt8]] {
    var generator = Generator(state: 7)
    let words = [
      "func ", "    ", "\n\n\n", "\t\t", "é", "日本", "😀", "x", "<bos>", "=", "\u{301}", "\r\n", "0x1F",
    ]
    return (0..<count).map { index in
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 0...60, using: &generator) {
        if index % 3 == 0 || Int.random(in: 0..<8, using: &generator) == 0 {
          bytes.append(UInt8.random(in: .min ... .max, using: &generator))
        } else {
          bytes.append(contentsOf: words.randomElement(using: &generator)?.utf8 ?? "".utf8)
        }
      }
      return bytes
    }
  }

  @Test func decodingUndoesEncodingForAllBytes() throws {
    let tokenizer = try Fixture.small()
    for bytes in samples(count: 3000) where !contains(bytes, [0xE2, 0x96, 0x81]) {
      #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
      #expect(tokenizer.decode(tokenizer.encode(bytes, parseSpecial: false)) == bytes)
    }
  }

  @Test func tokensAloneGiveTheSameBytesAsTogether() throws {
    let tokenizer = try Fixture.small()
    for bytes in samples(count: 300) {
      let tokens = tokenizer.encode(bytes)
      #expect(tokens.flatMap { tokenizer.bytes(of: $0) } == tokenizer.decode(tokens))
    }
  }

  @Test func plainTextNeverGivesControlTokens() throws {
    let tokenizer = try Fixture.small()
    for bytes in samples(count: 1000) {
      for token in tokenizer.encode(bytes) { #expect(tokenizer.vocabulary.types[Int(token)] != .control) }
    }
  }

  @Test func cuttingAtWordsChangesNothing() throws {
    // Encoding word by word must equal merging over the whole text, which a naive merger does here.
    let tokenizer = try Fixture.small()
    let naive = NaiveEncoder(tokenizer.vocabulary)
    for bytes in samples(count: 300) {
      let text = Array(String(decoding: bytes, as: UTF8.self).utf8)
      #expect(tokenizer.encode(text) == naive.encode(text))
    }
  }

  @Test func longLinesTakeLittleTime() throws {
    let tokenizer = try Fixture.small()
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 300_000)
    // Quadratic merging would need 10^10 steps here.
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
  }

  private func makeVocabulary(marks: [String], pieces: [(String, Float, Vocabulary.PieceType)]) throws
    -> Vocabulary
  {
    var vocabulary = Vocabulary()
    for name in ["<pad>", "<eos>", "<bos>", "<unk>"] {
      vocabulary.append(name.utf8, score: 0, type: .control)
    }
    for name in marks { vocabulary.append(name.utf8, score: 0, type: .userDefined) }
    for byte in 0...255 {
      let digits = String(byte, radix: 16, uppercase: true)
      let name = "<0x" + (byte < 16 ? "0" : "") + digits + ">"
      vocabulary.append(name.utf8, score: 0, type: .byte)
    }
    for (piece, score, type) in pieces { vocabulary.append(piece.utf8, score: score, type: type) }
    vocabulary.findFIMTokens()
    try vocabulary.check(path: "test")
    return vocabulary
  }

  @Test func unusedPiecesServeMergingOnly() throws {
    let letters: [(String, Float, Vocabulary.PieceType)] = ["a", "b", "c", "d"].map { ($0, -9, .normal) }
    let vocabulary = try makeVocabulary(
      marks: [], pieces: letters + [("ab", -1, .unused), ("abc", -2, .normal)])
    let tokenizer = Tokenizer(vocabulary)
    func text(_ tokens: [Int32]) -> [String] {
      tokens.map { String(decoding: tokenizer.bytes(of: $0), as: UTF8.self) }
    }
    // As SentencePiece: "ab" leads to "abc" but is taken apart again where it is left over.
    #expect(text(tokenizer.encode("abc")) == ["abc"])
    #expect(text(tokenizer.encode("dabd")) == ["d", "a", "b", "d"])
    #expect(vocabulary.count == 4 + 256 + 6)
    var padded = vocabulary
    padded.pad(to: 300)
    #expect(padded.count == 300 && Tokenizer(padded).encode("abc[PAD299]") == tokenizer.encode("abc[PAD299]"))
  }

  @Test func promptMarksCannotBeTyped() throws {
    let marks = ["<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_separator|>"]
    let tokenizer = try Tokenizer(makeVocabulary(marks: marks, pieces: [("ab", -1, .normal)]))
    #expect(tokenizer.fimPrefix == 4 && tokenizer.fimMiddle == 5)
    #expect(tokenizer.fimSuffix == 6 && tokenizer.fileSeparator == 7)
    for (index, name) in marks.enumerated() {
      #expect(tokenizer.encode(name).allSatisfy { $0 > 7 })
      #expect(tokenizer.encode(name, parseSpecial: true) == [Int32(4 + index)])
    }
  }

  private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.indices.contains { bytes[$0...].starts(with: part) }
  }
}

/// The definition of byte-pair encoding, written for clearness: look through all pairs, merge the best, again.
private struct NaiveEncoder {
  let vocabulary: Vocabulary
  let scores: [[UInt8]: (token: Int32, score: Float)]
  let wholes: [[UInt8]: Int32]

  init(_ vocabulary: Vocabulary) {
    self.vocabulary = vocabulary
    var scores: [[UInt8]: (Int32, Float)] = [:]
    var wholes: [[UInt8]: Int32] = [:]
    for token in 0..<vocabulary.count {
      let piece = Array(vocabulary.piece(token))
      switch vocabulary.types[token] {
      case .normal: scores[piece] = (Int32(token), vocabulary.scores[token])
      case .userDefined:
        scores[piece] = (Int32(token), vocabulary.scores[token])
        wholes[piece] = Int32(token)
      case .control, .unknown, .byte, .unused: break
      }
    }
    self.scores = scores
    self.wholes = wholes
  }

  func encode(_ bytes: [UInt8]) -> [Int32] {
    var symbols: [(bytes: [UInt8], isFrozen: Bool)] = []
    let marked = bytes.flatMap { $0 == 0x20 ? Vocabulary.spaceMark : [$0] }
    var position = 0
    let longest = wholes.keys.map(\.count).max() ?? 0
    while position < marked.count {
      let lengths = stride(from: min(longest, marked.count - position), to: 0, by: -1)
      if let length = lengths.first(where: { wholes[Array(marked[position..<(position + $0)])] != nil }) {
        symbols.append((Array(marked[position..<(position + length)]), true))
        position += length
      } else {
        let length = UTF8Scanner.length(ofLeadByte: marked[position])
        symbols.append((Array(marked[position..<(position + length)]), false))
        position += length
      }
    }
    while let best = bestPair(symbols) {
      symbols[best].bytes += symbols[best + 1].bytes
      symbols.remove(at: best + 1)
    }
    return symbols.flatMap { symbol -> [Int32] in
      if let found = scores[symbol.bytes] { return [found.token] }
      return symbol.bytes.map { byte in
        Int32(
          (0..<vocabulary.count).first {
            vocabulary.types[$0] == .byte && vocabulary.byteValue(of: $0) == byte
          } ?? -1)
      }
    }
  }

  private func bestPair(_ symbols: [(bytes: [UInt8], isFrozen: Bool)]) -> Int? {
    var best: (index: Int, score: Float)?
    for index in symbols.indices.dropLast() where !symbols[index].isFrozen && !symbols[index + 1].isFrozen {
      guard let found = scores[symbols[index].bytes + symbols[index + 1].bytes] else { continue }
      if best.map({ found.score > $0.score }) ?? true { best = (index, found.score) }
    }
    return best?.index
  }
}

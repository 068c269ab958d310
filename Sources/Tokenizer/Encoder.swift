import Synchronization

/// Encodes one text after the other; keeps buffers and the words that it has seen.
struct Encoder {
  private let rules: MergeRules
  private let byteTokens: [Int32]
  private var merger = PairMerger()
  private var cache: WordCache
  private var word: [UInt8] = []
  private(set) var output = TokenBuffer()

  init(rules: MergeRules, byteTokens: [Int32], cacheBits: Int = 15) {
    self.rules = rules
    self.byteTokens = byteTokens
    cache = WordCache(sizeBits: cacheBits)
  }

  /// Begins a new output.
  mutating func reset() { output.removeAll() }

  /// Appends the tokens of all segments.
  mutating func encode(_ text: UnsafeBufferPointer<UInt8>, _ segmentRules: SegmentRules) {
    var scanner = SegmentScanner(text, segmentRules)
    while let segment = scanner.next() { encode(segment, text) }
  }

  /// Appends the tokens of one segment of a text.
  @inline(__always)
  mutating func encode(_ segment: Segment, _ text: UnsafeBufferPointer<UInt8>) {
    if segment.token >= 0 {
      output.append(segment.token)
    } else if segment.token == Segment.brokenByte {
      output.append(byteTokens[Int(text[segment.range.lowerBound])])
    } else {
      let bytes = UnsafeBufferPointer(rebasing: text[segment.range])
      guard let key = cache.key(bytes) else { return merge(bytes) }
      if cache.append(key, to: &output) { return }
      let start = output.count
      merge(bytes)
      cache.insert(key, output, from: start)
    }
  }

  /// Appends the tokens of a word that is not known.
  private mutating func merge(_ bytes: UnsafeBufferPointer<UInt8>) {
    word.removeAll(keepingCapacity: true)
    for byte in bytes {
      if byte == 0x20 { word.append(contentsOf: Vocabulary.spaceMark) } else { word.append(byte) }
    }
    // Taken out for the time, so that the rest of `self` can change meanwhile.
    let word = word
    self.word = []
    let rules = rules
    word.withUnsafeBufferPointer { word in
      merger.merge(word, rules)
      for index in merger.symbols.indices where merger.symbols[index].count > 0 {
        let symbol = merger.symbols[index]
        append(symbol.token, word, Int(symbol.start)..<Int(symbol.start + symbol.count))
      }
    }
    self.word = word
  }

  /// Appends what a symbol stands for: its token, or tokens for its bytes.
  private mutating func append(
    _ token: Int32, _ word: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) {
    if token < 0 {
      for index in range { output.append(byteTokens[Int(word[index])]) }
    } else if rules.hasUnusedPieces, rules.vocabulary.types[Int(token)] == .unused,
      let count = merger.splits[token]
    {
      // An unused piece serves merging only and is taken apart again.
      let middle = range.lowerBound + count
      for part in [range.lowerBound..<middle, middle..<range.upperBound] {
        let bytes = UnsafeBufferPointer(rebasing: word[part])
        append(rules.token(bytes) ?? -1, word, part)
      }
    } else {
      output.append(token)
    }
  }
}

/// Lends encoders to calls, so that each thread has its own and none is made twice.
final class EncoderPool: Sendable {
  /// Safe to send: whoever has taken it out of the pool is the only one to know it.
  private final class Box: @unchecked Sendable {
    var encoder: Encoder
    init(_ encoder: Encoder) { self.encoder = encoder }
  }

  private let idle = Mutex<[Box]>([])
  private let make: @Sendable () -> Encoder

  init(_ make: @escaping @Sendable () -> Encoder) {
    self.make = make
  }

  /// Lends an encoder whose output is empty.
  func withEncoder<Result>(_ body: (inout Encoder) -> Result) -> Result {
    let box = idle.withLock { $0.popLast() } ?? Box(make())
    defer { idle.withLock { $0.append(box) } }
    box.encoder.reset()
    return body(&box.encoder)
  }
}

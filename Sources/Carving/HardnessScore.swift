import Weights

/// How hard a middle is for a model that sees the hole's prompt.
public struct HardnessScore: Sendable, Equatable, Codable {
  /// Sum of the negative natural log probabilities of the middle's tokens and the end token, in nats.
  public var negativeLogLikelihood: Double
  /// How many tokens that sum is over, the end token included; at least 1.
  public var tokenCount: Int

  /// Creates a score.
  public init(negativeLogLikelihood: Double, tokenCount: Int) {
    self.negativeLogLikelihood = negativeLogLikelihood
    self.tokenCount = tokenCount
  }

  /// Nats per token.
  public var perToken: Double { negativeLogLikelihood / Double(max(1, tokenCount)) }

  /// Nats per byte of a middle with so many bytes. The end token counts in the sum but not among the bytes; for an empty
  /// middle the figure is the end token's.
  public func perByte(_ middleBytes: Int) -> Double { negativeLogLikelihood / Double(max(1, middleBytes)) }

  /// False for what no model can have meant: not a number, infinite, less than nothing, or without tokens.
  var isUsable: Bool { negativeLogLikelihood.isFinite && negativeLogLikelihood >= 0 && tokenCount > 0 }
}

/// Names one question to one model: the first 128 bits of the SHA-256 of all that the answer depends on.
struct HardnessKey: Hashable, Sendable {
  let bytes: [UInt8]

  /// - Parameter model: what tells the model and its prompt format from others.
  init(_ example: FIMExample, model: String) {
    var text: [UInt8] = []
    text.reserveCapacity(example.prefix.utf8.count + example.suffix.utf8.count + 1_024)
    // Each part with its length before it, so that none can pass for the end of another.
    func append(_ part: String) {
      withUnsafeBytes(of: UInt64(part.utf8.count).littleEndian) { text.append(contentsOf: $0) }
      text.append(contentsOf: part.utf8)
    }
    append(model)
    append(example.path)
    append(example.prefix)
    append(example.middle)
    append(example.suffix)
    for snippet in example.context {
      append(snippet.path)
      append(snippet.text)
    }
    bytes = text.withUnsafeBytes { SHA256.words(of: $0) }.prefix(4).flatMap { word in
      stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
    }
  }

  /// Uniform in [0, 1); depends on the key and the seed alone.
  func draw(seed: UInt64) -> Double {
    let word = bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    var generator = SeededGenerator(seed: word ^ seed &* 0x9E37_79B9_7F4A_7C15)
    return generator.unit()
  }
}

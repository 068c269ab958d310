import Numerics
import Tokenizer

/// Logits of one position.
struct LogitRow {
  private let values: UnsafePointer<Float>  // [V]
  private let count: Int

  init(_ values: UnsafePointer<Float>, count: Int) {
    self.values = values
    self.count = count
  }

  func logProbability(of token: Int32) -> Float {
    values[Int(token)] - Kernels.best.logSumExp(values, count: count)
  }

  var best: Int32 { Int32(Kernels.best.argmax(values, count: count)) }
}

/// The tokens of one greedy generation as they come.
struct GreedyRun {
  private let stops: Set<Int32>
  private let tokenizer: Tokenizer
  private(set) var tokens: [Int32] = []
  private(set) var bytes: [UInt8] = []
  private var logProbabilitySum: Float = 0
  private var smallest: Float = 0
  var evaluated = 0
  var reused = 0
  var prefillMs = 0.0
  var decodeMs = 0.0

  init(format: PromptFormat) {
    stops = format.stopTokens
    tokenizer = format.tokenizer
  }

  /// Adds the most probable token; nil where it is a stop token.
  mutating func take(_ logits: UnsafePointer<Float>, size: Int) -> Int32? {
    let row = LogitRow(logits, count: size)
    let token = row.best
    let probability = row.logProbability(of: token)
    tokens.append(token)
    logProbabilitySum += probability
    smallest = min(smallest, probability)
    if stops.contains(token) { return nil }
    bytes += tokenizer.bytes(of: token)
    return token
  }

  func result(end: InfillResult.End, queueMs: Double) -> InfillResult {
    InfillResult(
      bytes: Self.wholeCharacters(bytes), tokenCount: tokens.count, end: end,
      meanLogProbability: tokens.isEmpty ? 0 : logProbabilitySum / Float(tokens.count),
      minLogProbability: smallest, evaluatedPromptTokens: evaluated, reusedPromptTokens: reused,
      queueMs: queueMs,
      prefillMs: prefillMs, decodeMs: decodeMs)
  }

  /// Drops the bytes of a character that generation has not finished.
  static func wholeCharacters(_ bytes: [UInt8]) -> [UInt8] {
    guard let lead = bytes.suffix(4).lastIndex(where: { $0 & 0xC0 != 0x80 }) else { return bytes }
    let byte = bytes[lead]
    let length = byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
    return lead + length > bytes.count ? Array(bytes[..<lead]) : bytes
  }
}

import Generation

/// Asks the model how well a question fits a chunk, as the comment above it.
struct ChunkReader: Sendable {
  let model: any InfillModel
  private let chunkBytes: Int
  private let adapter: String?
  private let question: [UInt8]

  /// Bytes of the question that are scored.
  var queryLength: Int { max(1, question.count) }

  init(model: any InfillModel, query: String, _ options: Searcher.Options) {
    self.model = model
    chunkBytes = options.chunkBytes
    adapter = options.adapter
    let line = query.split(whereSeparator: \.isNewline).joined(separator: " ")
    question = Self.cut(Array(line.utf8), to: 240)
  }

  /// Natural log probability of the question above the chunk.
  func score(_ chunk: [UInt8], path: String) async throws -> Double {
    let request = InfillRequest(
      path: path, prefix: Array("# ".utf8), suffix: [UInt8(ascii: "\n")] + Self.cut(chunk, to: chunkBytes),
      adapter: adapter)
    return try await model.middleLogProbability(question, in: request, order: .suffixFirst)
  }

  /// The same above nothing, which makes scores comparable between questions.
  func floor() async throws -> Double { try await score([], path: "") }

  /// At most `count` bytes, ending at a character border.
  static func cut(_ bytes: [UInt8], to count: Int) -> [UInt8] {
    guard bytes.count > count else { return bytes }
    var end = count
    while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return Array(bytes[..<end])
  }
}

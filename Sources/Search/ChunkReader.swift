import Generation

/// Asks the model how well a question fits a chunk, as the doc comment that is missing there.
///
/// In Python that is the first string of the body, elsewhere the comment above the chunk. Both are holes like those
/// that the model was trained on.
struct ChunkReader: Sendable {
  /// Where doc comments stand in a language.
  enum DocStyle: Sendable, Equatable {
    /// Above the chunk, behind this marker.
    case above(marker: String)
    /// In triple quotes behind the first line that ends with a colon; above the chunk when there is none.
    case inside(marker: String)
  }

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

  /// Natural log probability of the question as the chunk's doc comment.
  func score(_ chunk: [UInt8], path: String, style: DocStyle) async throws -> Double {
    let hole = Self.hole(in: Self.cut(chunk, to: chunkBytes), style)
    let request = InfillRequest(path: path, prefix: hole.prefix, suffix: hole.suffix, adapter: adapter)
    return try await model.middleLogProbability(question, in: request, order: .suffixFirst)
  }

  /// The same with nothing to comment, which makes scores comparable between questions.
  func floor() async throws -> Double { try await score([], path: "", style: .above(marker: "#")) }

  /// What stands around the missing doc comment.
  static func hole(in chunk: [UInt8], _ style: DocStyle) -> (prefix: [UInt8], suffix: [UInt8]) {
    switch style {
    case .above(let marker):
      let indentation = chunk.prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      return (indentation + Array("\(marker) ".utf8), [UInt8(ascii: "\n")] + chunk)
    case .inside(let marker):
      guard let body = bodyStart(chunk) else { return hole(in: chunk, .above(marker: marker)) }
      let indentation = chunk[body...].prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      let quotes = Array("\"\"\"".utf8)
      return (chunk[..<body] + indentation + quotes, quotes + [UInt8(ascii: "\n")] + chunk[body...])
    }
  }

  /// The first byte behind the first line that ends with a colon.
  private static func bodyStart(_ chunk: [UInt8]) -> Int? {
    let newline = UInt8(ascii: "\n")
    let end = chunk.indices.dropFirst().first { chunk[$0] == newline && chunk[$0 - 1] == UInt8(ascii: ":") }
    return end.map { $0 + 1 }
  }

  /// At most `count` bytes, ending at a character border.
  static func cut(_ bytes: [UInt8], to count: Int) -> [UInt8] {
    guard bytes.count > count else { return bytes }
    var end = count
    while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return Array(bytes[..<end])
  }
}

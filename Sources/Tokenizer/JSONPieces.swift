import Weights

/// The pieces of `model.vocab` as they stand in the file, which need not be in the order of their ids.
struct JSONPieces {
  private struct Entry {
    let id: UInt32
    let start: UInt32
    let count: UInt32
  }

  private var text: [UInt8] = []
  private var entries: [Entry] = []

  var isEmpty: Bool { entries.isEmpty }

  /// Reads the object that comes next.
  mutating func read(_ scanner: inout JSONScanner) throws(JSONError) {
    try scanner.forEachMember { (scanner, key) throws(JSONError) in
      let id = try scanner.integer()
      guard let id = UInt32(exactly: id), id < UInt32(Int32.max) else {
        throw scanner.problem("the id \(id) is too large")
      }
      let start = self.text.count
      scanner.withBytes(key) { self.text.append(contentsOf: $0) }
      self.entries.append(
        Entry(id: id, start: UInt32(start), count: UInt32(self.text.count - start)))
    }
  }

  /// The vocabulary, in which byte pieces are marked as such.
  ///
  /// - Throws: `TokenizerError.malformed` where an id is missing or there twice.
  func vocabulary(path: String) throws(TokenizerError) -> Vocabulary {
    let isSorted = entries.indices.dropFirst().allSatisfy { entries[$0 - 1].id < entries[$0].id }
    let sorted = isSorted ? entries : entries.sorted { $0.id < $1.id }
    var vocabulary = Vocabulary()
    vocabulary.reserve(pieces: entries.count + 8, bytes: text.count + 256)
    for entry in sorted {
      guard Int(entry.id) == vocabulary.count else {
        throw .malformed(
          path: path, place: "model.vocab",
          problem: Int(entry.id) < vocabulary.count
            ? "the id \(entry.id) is there twice" : "the id \(vocabulary.count) is missing")
      }
      guard entry.count > 0 else {
        throw .malformed(path: path, place: "model.vocab", problem: "an empty piece with the id \(entry.id)")
      }
      let piece = text[Int(entry.start)..<Int(entry.start + entry.count)]
      vocabulary.append(piece, score: 0, type: .normal)
      let token = vocabulary.count - 1
      if vocabulary.byteValue(of: token) != nil { vocabulary.setType(token, .byte) }
    }
    return vocabulary
  }
}

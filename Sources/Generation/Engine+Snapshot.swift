import Gemma
import Weights

/// Sequences on disk, so that the first request after a start finds its prompt evaluated.
///
/// A snapshot is a `PackedFile`: its identity names the model, the layout of the pages and the adapter; region `tokens` has the
/// ids, and a region `page N` the bytes of each page.
extension Engine {
  private static let tokensName = "tokens"
  private static func pageName(_ index: Int) -> String { "page \(index)" }

  private func snapshotIdentity(_ model: String, adapter: String?) -> JSONValue {
    let pages = session.cache.pool
    return [
      "what": "keys and values of a token sequence", "model": .string(model),
      // The same file may be loaded in several precisions.
      "weight_bytes": .int(self.model.bytesPerToken),
      "format": .string("\(pages.layout.format)"), "page_bytes": .int(pages.pageBytes),
      "page_positions": .int(KVPagePool.pagePositions), "layers": .int(self.model.configuration.layerCount),
      "adapter": adapter.map { .string($0) } ?? .null,
    ]
  }

  /// Writes the sequence of `document` that was used last; false where there is none. The file appears whole or not at all.
  ///
  /// `modelIdentity` tells the model's weights from any others, such as their SHA-256.
  /// - Throws: `WeightsError.unwritable`; `GenerationError.snapshot` where its adapter was loaded without an identity.
  @discardableResult
  public func saveSequence(of document: String, to path: String, modelIdentity: String) throws -> Bool {
    guard let latest = memory.latest(of: document), !latest.tokens.isEmpty else { return false }
    var adapter: String?
    if let name = latest.adapter {
      guard let identity = identity(ofAdapter: name) else {
        throw GenerationError.snapshot(path: path, problem: "adapter \(name) has no identity to name it by")
      }
      adapter = identity
    }
    let tokens = latest.tokens.flatMap { id in withUnsafeBytes(of: id.littleEndian) { [UInt8]($0) } }
    let sequence = latest.sequence
    var sections = [
      PackedFile.OutputSection(
        name: Self.tokensName, attributes: ["document": .string(document), "count": .int(sequence.count)]
      ) { body in try tokens.withUnsafeBytes { try body($0) } }
    ]
    for index in 0..<sequence.pageCount {
      sections.append(
        PackedFile.OutputSection(name: Self.pageName(index), attributes: .null) { body in
          try sequence.withPage(index) { try body($0) }
        })
    }
    try PackedFile.write(
      sections, identity: snapshotIdentity(modelIdentity, adapter: adapter), to: path)
    return true
  }

  /// Remembers the sequence that `saveSequence` wrote; how many tokens it has.
  ///
  /// `adapter` names the loaded adapter under which it was evaluated, nil the bare base. Contents are checked against their
  /// hashes: keys and values that were written for other tokens on purpose are not found out.
  /// - Throws: `WeightsError` where the file is damaged, or of another model, layout or adapter; `GenerationError.snapshot`
  ///   where it has no room here; `GenerationError.unknownAdapter`.
  @discardableResult
  public func loadSequence(from path: String, modelIdentity: String, adapter: String? = nil) throws -> Int {
    var identity: String?
    if let adapter {
      guard let known = self.identity(ofAdapter: adapter) else {
        throw GenerationError.unknownAdapter(adapter)
      }
      identity = known
    }
    let file = try PackedFile(path: path, identity: snapshotIdentity(modelIdentity, adapter: identity))
    try file.verify()
    func malformed(_ place: String, _ problem: String) -> WeightsError {
      .malformed(path: path, place: place, problem: problem)
    }
    guard let first = file.sections.first, first.name == Self.tokensName,
      let document = first.attributes["document"]?.stringValue
    else { throw malformed("the sections", "not those of a sequence") }
    let bytes = file.bytes(of: first)
    let count = bytes.count / 4
    guard bytes.count % 4 == 0, count > 0, first.attributes["count"]?.intValue == count else {
      throw malformed("'tokens'", "has \(bytes.count) bytes")
    }
    guard count <= contextLength else {
      throw GenerationError.snapshot(
        path: path, problem: "has \(count) tokens, more than the \(contextLength) here")
    }
    let tokens = (0..<count).map {
      Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self))
    }
    guard tokens.allSatisfy({ $0 >= 0 && Int($0) < model.configuration.vocabularySize }) else {
      throw malformed("'tokens'", "has ids beyond the vocabulary")
    }
    let pages = session.cache.pool
    let pageCount = (count + KVPagePool.pagePositions - 1) / KVPagePool.pagePositions
    let sections = file.sections.dropFirst()
    guard sections.count == pageCount else {
      throw malformed("the sections", "has not as many pages as its tokens need")
    }
    for (index, section) in sections.enumerated() {
      guard section.name == Self.pageName(index), file.bytes(of: section).count == pages.pageBytes else {
        throw malformed("'\(section.name)'", "is no page \(index) of \(pages.pageBytes) bytes")
      }
    }
    let sequence = try KVSequence(pages, capacity: contextLength, count: count) { index, target in
      target.copyMemory(from: file.bytes(of: file.sections[index + 1]))
    }
    memory.remember(tokens, sequence, adapter: adapter, document: document)
    return count
  }
}

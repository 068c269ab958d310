/// The facts of a file, unpacked.
struct FactTables: Equatable {
  /// An import as it is written, made to look like a path.
  struct Import: Equatable {
    /// Bytes of the statement in the file.
    var range: Range<Int>
    /// `a/b` or, relative to the file's folder, `./a/b` or `../a/b`; behind a colon the names taken from there.
    var path: String
  }

  struct Definition: Equatable {
    /// `WordScanner.nameHash` of the name.
    var name: UInt32
    /// 0-based lines.
    var lines: Range<Int>
    /// True for types and functions.
    var isScope: Bool
  }

  struct Chunk: Equatable {
    /// 0-based lines.
    var lines: Range<Int>
    /// `WordScanner.Word.hash` of its telling words; first those that occur more than once.
    var words: [UInt32]
    /// How many words occur more than once.
    var repeated: Int
  }

  var imports: [Import] = []
  var definitions: [Definition] = []
  var chunks: [Chunk] = []

  /// Most words of a chunk.
  static let wordsPerChunk = 24
  /// Most lines of a file that has facts.
  static let maximumLines = 1 << 21
  private static let version: UInt8 = 2

  init() {}

  func packed() -> [UInt8] {
    var bytes: [UInt8] = [Self.version]
    func add(_ value: Int) {
      var rest = UInt(max(0, value))
      while rest > 0x7F {
        bytes.append(UInt8(rest & 0x7F) | 0x80)
        rest >>= 7
      }
      bytes.append(UInt8(rest))
    }
    add(imports.count)
    var last = 0
    for item in imports {
      add(item.range.lowerBound - last)
      last = item.range.lowerBound
      add(item.range.count)
      add(item.path.utf8.count)
      bytes.append(contentsOf: item.path.utf8)
    }
    add(definitions.count)
    last = 0
    for item in definitions {
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: item.name >> UInt32(shift))) }
      add(item.lines.lowerBound - last)
      last = item.lines.lowerBound
      add(item.lines.count << 1 | (item.isScope ? 1 : 0))
    }
    add(chunks.count)
    last = 0
    for item in chunks {
      add(item.lines.lowerBound - last)
      last = item.lines.upperBound
      add(item.lines.count)
      add(item.words.count)
      add(item.repeated)
      for word in item.words {
        for shift in [0, 8, 16] { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift))) }
      }
    }
    return bytes
  }

  /// Nil when the bytes are cut, of another version, or say what no file can be.
  init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes: bytes)
    guard reader.byte() == Self.version, let importCount = reader.count(atLeast: 3) else { return nil }
    var last = 0
    for _ in 0..<importCount {
      guard let step = reader.number(), let extent = reader.number(), let length = reader.number(),
        let text = reader.bytes(length),
        let path = String(validating: text, as: UTF8.self)
      else { return nil }
      last += step
      imports.append(Import(range: last..<last + extent, path: path))
    }
    guard let definitionCount = reader.count(atLeast: 6) else { return nil }
    definitions.reserveCapacity(definitionCount)
    last = 0
    for _ in 0..<definitionCount {
      guard let name = reader.fixed(4), let step = reader.number(), let extent = reader.number() else {
        return nil
      }
      last += step
      guard last + extent / 2 <= Self.maximumLines else { return nil }
      definitions.append(
        Definition(name: name, lines: last..<last + extent / 2, isScope: extent & 1 == 1))
    }
    guard let chunkCount = reader.count(atLeast: 4) else { return nil }
    chunks.reserveCapacity(chunkCount)
    last = 0
    for _ in 0..<chunkCount {
      guard let step = reader.number(), let lines = reader.number(), let words = reader.count(atLeast: 3),
        words <= Self.wordsPerChunk, let repeated = reader.number(), repeated <= words,
        last + step + lines <= Self.maximumLines
      else { return nil }
      let start = last + step
      last = start + lines
      var hashes: [UInt32] = []
      hashes.reserveCapacity(words)
      for _ in 0..<words {
        guard let hash = reader.fixed(3) else { return nil }
        hashes.append(hash)
      }
      chunks.append(Chunk(lines: start..<last, words: hashes, repeated: repeated))
    }
    guard reader.isAtEnd else { return nil }
  }

  /// Calls `body` with the lines of each chunk of packed tables, its words, three bytes each, and how many of them occur more
  /// than once: what an index asks of every file of a repository, without unpacking the rest. Stops where the bytes are
  /// damaged.
  static func forEachChunk(
    of packed: [UInt8],
    _ body: (_ lines: Range<Int>, _ words: UnsafeRawBufferPointer, _ repeated: Int) -> Void
  ) {
    var reader = Reader(bytes: packed)
    guard reader.byte() == version, let importCount = reader.count(atLeast: 3) else { return }
    for _ in 0..<importCount {
      guard reader.number() != nil, reader.number() != nil, let length = reader.number(), reader.skip(length)
      else { return }
    }
    guard let definitionCount = reader.count(atLeast: 6) else { return }
    for _ in 0..<definitionCount {
      guard reader.skip(4), reader.number() != nil, reader.number() != nil else { return }
    }
    guard let chunkCount = reader.count(atLeast: 4) else { return }
    var last = 0
    for _ in 0..<chunkCount {
      guard let step = reader.number(), let lines = reader.number(), let words = reader.count(atLeast: 3),
        words <= wordsPerChunk, let repeated = reader.number(), repeated <= words,
        last + step + lines <= maximumLines
      else { return }
      let place = reader.place
      guard reader.skip(3 * words) else { return }
      last += step + lines
      packed.withUnsafeBytes {
        body(last - lines..<last, UnsafeRawBufferPointer(rebasing: $0[place..<reader.place]), repeated)
      }
    }
  }

  /// Reads the packed form; every answer is nil at the end of the bytes.
  private struct Reader {
    let bytes: [UInt8]
    var place = 0

    var isAtEnd: Bool { place == bytes.count }

    mutating func byte() -> UInt8? {
      guard place < bytes.count else { return nil }
      place += 1
      return bytes[place - 1]
    }

    /// At most 28 bits, so that sums of a few cannot overflow.
    mutating func number() -> Int? {
      var value = 0
      for shift in [0, 7, 14, 21] {
        guard let next = byte() else { return nil }
        value |= Int(next & 0x7F) << shift
        if next < 0x80 { return value }
      }
      return nil
    }

    /// A number of things that take at least `size` bytes each, and do fit into what is left.
    mutating func count(atLeast size: Int) -> Int? {
      guard let count = number(), count * size <= bytes.count - place else { return nil }
      return count
    }

    /// Passes over bytes; false when there are fewer.
    mutating func skip(_ count: Int) -> Bool {
      guard count <= bytes.count - place else { return false }
      place += count
      return true
    }

    mutating func fixed(_ size: Int) -> UInt32? {
      guard size <= bytes.count - place else { return nil }
      var value: UInt32 = 0
      for index in 0..<size { value |= UInt32(bytes[place + index]) << UInt32(8 * index) }
      place += size
      return value
    }

    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
      guard count <= bytes.count - place else { return nil }
      place += count
      return bytes[place - count..<place]
    }
  }
}

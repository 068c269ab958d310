import Numerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file of named regions that are used as they lie in memory, such as packed matrices; mapped, so that several
/// processes share its pages.
///
/// Layout: 8 bytes of magic, the length of the header (u64, little-endian), 64 hexadecimal digits with the SHA-256 of
/// the header, the header (JSON), then the regions, each on a border of 4 096 bytes. The header says for what the file was made
/// (`identity`), how large the file is, and for each region its place, attributes and `Checksum`.
///
/// Opening checks the header's SHA-256, the size and all places; `verify` checks what the regions hold.
public final class PackedFile: Sendable {
  /// What is known about one region.
  public struct Section: Sendable {
    /// Its name, unique in the file.
    public let name: String
    /// What the writer noted about it.
    public let attributes: JSONValue
    let range: Range<Int>
    let hash: String
  }

  /// A region that is to be written.
  public struct OutputSection {
    let name: String
    let attributes: JSONValue
    let withBytes: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

    /// A region called `name` whose bytes `withBytes` lends.
    public init(
      name: String, attributes: JSONValue,
      withBytes: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
      self.name = name
      self.attributes = attributes
      self.withBytes = withBytes
    }
  }

  /// Where the file lies.
  public let path: String
  /// The regions in the order of the file.
  public let sections: [Section]
  private let file: MappedFile

  private static let magic = Array("GEMPACK1".utf8)
  private static let preambleBytes = 8 + 8 + 64
  private static let maximumHeaderBytes = 16 << 20
  private static let border = 4096

  /// Maps the file at `path`, which must have been made for `identity`.
  ///
  /// - Throws: `WeightsError.unreadable`, `.malformed` when it is damaged, `.unsupported` when it was made for something
  ///   else.
  public init(path: String, identity: JSONValue) throws(WeightsError) {
    self.path = path
    let file = try MappedFile(path: path)
    file.preferLargePages()
    self.file = file
    let (header, length) = try file.withBytes { (bytes) throws(WeightsError) in try Self.header(bytes, path) }
    guard header["identity"] == identity else {
      throw .unsupported(
        path: path, place: "the header", problem: "made for another file or in another form",
        remedy: "it is going to be replaced")
    }
    guard header["bytes"]?.intValue == file.byteCount else {
      throw .malformed(
        path: path, place: "the header",
        problem: "the file has \(file.byteCount) bytes, not as many as it should")
    }
    let dataStart = Self.rounded(Self.preambleBytes + length)
    sections = try Self.sections(header, dataStart: dataStart, byteCount: file.byteCount, path)
  }

  /// Compares what the regions hold with their hashes; reads the whole file.
  ///
  /// - Throws: `WeightsError.malformed` that names the first region that is damaged.
  public func verify(pool: WorkerPool = .shared) throws(WeightsError) {
    let hashes = file.withBytes { bytes in
      Checksum.hash(sections.map { UnsafeRawBufferPointer(rebasing: bytes[$0.range]) }, pool: pool)
    }
    for (section, hash) in zip(sections, hashes) where section.hash != hash {
      throw .malformed(
        path: path, place: "'\(section.name)'", problem: "its bytes are not those that were written")
    }
  }

  /// The bytes of a region, which stay where they are as long as this object lives.
  public func bytes(of section: Section) -> UnsafeRawBufferPointer {
    file.withBytes { UnsafeRawBufferPointer(rebasing: $0[section.range]) }
  }

  /// Writes a file, which appears whole or not at all.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public static func write(_ sections: [OutputSection], identity: JSONValue, to path: String) throws {
    var places: [JSONValue] = []
    var position = 0
    for section in sections {
      try section.withBytes { bytes in
        places.append([
          "name": .string(section.name), "attributes": section.attributes, "offset": .int(position),
          "bytes": .int(bytes.count), "hash": .string(Checksum.hash(bytes)),
        ])
        position = rounded(position + bytes.count)
      }
    }
    // Places count from the end of the header, whose length is not known before they are.
    func header(_ dataStart: Int) -> [UInt8] {
      JSONValue.object(
        JSONObject([
          ("identity", identity), ("bytes", .int(dataStart + position)), ("sections", .array(places)),
        ])
      ).serialized()
    }
    var dataStart = 0
    var text = header(0)
    while dataStart != rounded(preambleBytes + text.count) {
      dataStart = rounded(preambleBytes + text.count)
      text = header(dataStart)
    }
    var file = try AtomicFile(path: path)
    try file.append(magic)
    try file.append(withUnsafeBytes(of: UInt64(text.count).littleEndian) { [UInt8]($0) })
    try file.append(Array(SHA256.hash(text).utf8))
    try file.append(text)
    try file.append([UInt8](repeating: 0, count: dataStart - preambleBytes - text.count))
    for section in sections {
      try section.withBytes { bytes in
        try file.append(bytes)
        try file.append([UInt8](repeating: 0, count: rounded(bytes.count) - bytes.count))
      }
    }
    try file.commit()
  }

  /// Takes a file that was just written out of the system's cache and reads it again, through a mapping that asks for
  /// large pages: what was written lies there in small ones, and would for as long as it stays.
  public static func readIntoLargePages(path: String) {
    #if os(Linux)
      let descriptor = open(path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return }
      posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
      close(descriptor)
      guard let file = try? MappedFile(path: path) else { return }
      file.preferLargePages()
      let sum = file.withBytes { bytes in
        stride(from: 0, to: bytes.count, by: 4096).reduce(UInt8(0)) { $0 &+ bytes[$1] }
      }
      withExtendedLifetime(sum) {}
    #endif
  }

  private static func rounded(_ count: Int) -> Int { (count + border - 1) / border * border }
}

// MARK: - The header

extension PackedFile {
  private static func header(_ bytes: UnsafeRawBufferPointer, _ path: String) throws(WeightsError) -> (
    JSONValue, length: Int
  ) {
    func malformed(_ problem: String) -> WeightsError {
      .malformed(path: path, place: "the header", problem: problem)
    }
    guard bytes.count >= preambleBytes, bytes.prefix(magic.count).elementsEqual(magic) else {
      throw malformed("not a file of packed weights")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: magic.count, as: UInt64.self))
    guard length <= UInt64(min(maximumHeaderBytes, bytes.count - preambleBytes)) else {
      throw malformed("it is said to take \(length) bytes")
    }
    let text = [UInt8](bytes[preambleBytes..<(preambleBytes + Int(length))])
    guard SHA256.hash(text).utf8.elementsEqual(bytes[(magic.count + 8)..<preambleBytes]) else {
      throw malformed("its bytes are not those that were written")
    }
    do {
      return (try JSONValue(parsing: text), text.count)
    } catch {
      throw malformed("\(error)")
    }
  }

  private static func sections(
    _ header: JSONValue, dataStart: Int, byteCount: Int, _ path: String
  ) throws(WeightsError) -> [Section] {
    var end = dataStart
    var sections: [Section] = []
    for (index, value) in (header["sections"]?.arrayValue ?? []).enumerated() {
      guard let name = value["name"]?.stringValue, let hash = value["hash"]?.stringValue,
        let attributes = value["attributes"], let offset = value["offset"]?.intValue,
        let count = value["bytes"]?.intValue, count >= 0, offset >= end - dataStart,
        offset <= byteCount - dataStart, offset % border == 0, count <= byteCount - dataStart - offset
      else {
        throw .malformed(path: path, place: "section \(index)", problem: "its place is impossible")
      }
      let start = dataStart + offset
      sections.append(Section(name: name, attributes: attributes, range: start..<(start + count), hash: hash))
      end = start + count
    }
    return sections
  }
}

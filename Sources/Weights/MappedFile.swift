#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A whole file mapped read-only into memory, for as long as anybody holds this object.
///
/// Pages are read when they are touched and belong to the system's cache, so that several processes share one model.
/// The file must not be shortened meanwhile; Gemfill itself replaces files and never rewrites them in place.
public final class MappedFile: @unchecked Sendable {
  // Safe to share: the mapping is read-only and neither field changes after `init`.
  private let address: UnsafeMutableRawPointer?
  /// The size of the file.
  public let byteCount: Int
  /// Where the file lies.
  public let path: String
  /// When it was last changed: seconds and nanoseconds since 1970.
  let modified: (seconds: Int, nanoseconds: Int)

  /// Maps the regular file at `path`.
  public init(path: String) throws(WeightsError) {
    // Without O_NONBLOCK a named pipe would hang here before it can be refused.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: systemReason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, reason: systemReason()) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "not a regular file")
    }
    self.path = path
    byteCount = Int(status.st_size)
    #if canImport(Darwin)
      modified = (status.st_mtimespec.tv_sec, status.st_mtimespec.tv_nsec)
    #else
      modified = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    #endif
    guard byteCount > 0 else {
      address = nil
      return
    }
    let mapping = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let mapping, mapping != MAP_FAILED else { throw .unreadable(path: path, reason: systemReason()) }
    address = mapping
  }

  deinit {
    if let address { munmap(address, byteCount) }
  }

  /// Whether something lies at `path`.
  public static func exists(_ path: String) -> Bool { fileExists(path) }

  /// Asks the system for large pages, which cost less to map and to look up; whether it grants them depends on the file
  /// system and on how the file got into the system's cache.
  func preferLargePages() {
    #if os(Linux)
      if let address { madvise(address, byteCount, MADV_HUGEPAGE) }
    #endif
  }

  /// Lends the bytes of the file; the pointer must not leave `body`.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: address, count: byteCount))
  }
}

/// Bytes that lie in a mapped file or in memory.
public struct ByteRegion: Sendable {
  private enum Storage: Sendable {
    case mapped(MappedFile, Range<Int>)
    case owned([UInt8])
  }

  private let storage: Storage

  /// The part `range` of `file`.
  ///
  /// - Precondition: the range lies within the file.
  public init(_ file: MappedFile, _ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= file.byteCount, "the range lies outside of the file")
    storage = .mapped(file, range)
  }

  /// Bytes in memory.
  public init(_ bytes: [UInt8]) {
    storage = .owned(bytes)
  }

  /// The bytes `range` of these, which stay mapped where they are.
  ///
  /// - Precondition: the range lies within `0..<count`.
  public func part(_ range: Range<Int>) -> ByteRegion {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "the part lies outside of the region")
    switch storage {
    case .mapped(let file, let whole):
      return ByteRegion(file, (whole.lowerBound + range.lowerBound)..<(whole.lowerBound + range.upperBound))
    case .owned(let bytes): return ByteRegion(Array(bytes[range]))
    }
  }

  /// How many bytes there are.
  public var count: Int {
    switch storage {
    case .mapped(_, let range): range.count
    case .owned(let bytes): bytes.count
    }
  }

  /// Lends the bytes; the pointer must not leave `body`.
  public func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch storage {
    case .mapped(let file, let range):
      return try file.withBytes { (bytes: UnsafeRawBufferPointer) throws(Failure) -> Result in
        try body(UnsafeRawBufferPointer(rebasing: bytes[range]))
      }
    case .owned(let bytes):
      let outcome: Swift.Result<Result, Failure> = bytes.withUnsafeBytes { buffer in
        do throws(Failure) { return .success(try body(buffer)) } catch { return .failure(error) }
      }
      return try outcome.get()
    }
  }
}

/// The text of the last failed system call.
func systemReason() -> String { String(cString: strerror(errno)) }

/// Whether something lies at `path`.
func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }

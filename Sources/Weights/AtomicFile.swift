#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes files that appear whole or not at all.
///
/// The bytes go to a new file beside the target, which is synchronised with the disk and then renamed over it. When
/// anything fails the new file is removed, and what was there before stays as it was.
public struct AtomicFile: ~Copyable {
  private let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var isCommitted = false

  /// Writes `bytes` to `path`.
  public static func write(_ bytes: [UInt8], to path: String) throws(WeightsError) {
    var file = try AtomicFile(path: path)
    try file.append(bytes)
    try file.commit()
  }

  /// Removes what processes that were killed while they replaced the file at `path` have left beside it.
  public static func removeAbandoned(beside path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let folder = parts.count > 1 ? parts.dropLast().joined(separator: "/") + "/" : "./"
    guard let name = parts.last, let stream = opendir(folder) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let found = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard found.hasPrefix(name + "."), found.hasSuffix(".part"),
        let process = found.dropFirst(name.utf8.count + 1).split(separator: "-").first.flatMap({ pid_t($0) }),
        process > 0, kill(process, 0) != 0, errno == ESRCH
      else { continue }
      unlink(folder + found)
    }
  }

  /// Begins a file that is to replace the one at `path`.
  public init(path: String) throws(WeightsError) {
    self.path = path
    temporaryPath = "\(path).\(getpid())-\(UInt32.random(in: .min ... .max)).part"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .unwritable(path: path, reason: systemReason()) }
  }

  deinit {
    close(descriptor)
    if !isCommitted { unlink(temporaryPath) }
  }

  /// Adds bytes at the end.
  public mutating func append(_ bytes: [UInt8]) throws(WeightsError) {
    try ByteRegion(bytes).withBytes { (buffer) throws(WeightsError) in try append(buffer) }
  }

  /// Adds bytes at the end.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(WeightsError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      let count = posixWrite(descriptor, part.baseAddress, min(part.count, 1 << 30))
      if count < 0 {
        if errno == EINTR { continue }
        throw .unwritable(path: path, reason: systemReason())
      }
      rest = rest.dropFirst(count)
    }
  }

  /// Brings what was added to the disk, so that `commit` has little left to do that can fail.
  public mutating func synchronize() throws(WeightsError) {
    guard fsync(descriptor) == 0 else { throw .unwritable(path: path, reason: systemReason()) }
  }

  /// Makes the file appear under its name.
  public mutating func commit() throws(WeightsError) {
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw .unwritable(path: path, reason: systemReason())
    }
    isCommitted = true
    synchronizeFolder()
  }

  /// Makes the renaming itself survive a loss of power; not every file system supports it, so failure is no error.
  private func synchronizeFolder() {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let folder = parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }
}

private func posixWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

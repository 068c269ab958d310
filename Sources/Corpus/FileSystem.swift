import Foundation

/// The few file-system calls that a walk needs, without following links and without reading more than asked for.
enum FileSystem {
  enum Kind: Equatable {
    case file(size: Int)
    case folder
    case symlink
    case other
  }

  /// The names in a folder as bytes, sorted; nil when it cannot be opened.
  static func names(in folder: String) -> [[UInt8]]? {
    guard let stream = opendir(folder) else { return nil }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != [0x2E] && name != [0x2E, 0x2E] { names.append(name) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// What is at a path, links not followed; nil when nothing can be said.
  static func kind(of path: String) -> Kind? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file(size: Int(status.st_size))
    case S_IFDIR: return .folder
    case S_IFLNK: return .symlink
    default: return .other
    }
  }

  /// The bytes of a regular file of at most `limit` bytes; nil when it cannot be read, is longer, or is a link.
  static func read(_ path: String, limit: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) <= limit
    else {
      return nil
    }
    return contents(of: descriptor, count: Int(status.st_size))
  }

  /// The bytes of a regular file below an open folder; no component of the path may be a link.
  static func read(_ path: String, in folder: Int32, limit: Int) -> Result<[UInt8], SkippedFile> {
    let names = path.split(separator: "/").map(String.init)
    guard let file = names.last, !names.contains("..") else { return .failure(SkippedFile(.unreadable, "")) }
    var parent = folder
    defer { if parent != folder { close(parent) } }
    for name in names.dropLast() {
      let next = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard next >= 0 else { return .failure(fault(errno)) }
      if parent != folder { close(parent) }
      parent = next
    }
    let descriptor = openat(parent, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return .failure(fault(errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return .failure(fault(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      return .failure(SkippedFile(.changed, "is no regular file any more"))
    }
    guard Int(status.st_size) <= limit else { return .failure(SkippedFile(.changed, "has grown too large")) }
    let bytes = contents(of: descriptor, count: Int(status.st_size))
    guard bytes.count == Int(status.st_size) else {
      return .failure(SkippedFile(.changed, "became shorter while it was read"))
    }
    return .success(bytes)
  }

  private static func fault(_ number: Int32) -> SkippedFile {
    let isGone = number == ENOENT || number == ENOTDIR || number == ELOOP
    return SkippedFile(isGone ? .changed : .unreadable, String(cString: strerror(number)))
  }

  /// Up to `count` bytes from where the descriptor stands.
  private static func contents(of descriptor: Int32, count wanted: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
      count = 0
      while count < wanted, let base = buffer.baseAddress {
        let got = Foundation.read(descriptor, base + count, wanted - count)
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else { return }
        count += got
      }
    }
  }

  /// A small text file, or nil.
  static func text(_ path: String) -> String? {
    read(path, limit: 1 << 20).map { String(decoding: $0, as: UTF8.self) }
  }
}

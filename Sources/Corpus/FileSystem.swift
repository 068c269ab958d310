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
    let wanted = Int(status.st_size)
    return [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
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

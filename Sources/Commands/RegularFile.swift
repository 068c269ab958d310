import Foundation

/// Reads files whose paths come from outside: never waits for a pipe, never takes more than asked for.
enum RegularFile {
  enum Failure: Error {
    case unreadable
    case tooLarge
  }

  /// Whether a regular file (links are followed) lies at `path`.
  static func isRegular(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// The bytes of a regular file (links are followed) of at most `limit` bytes.
  static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { throw .unreadable }
    guard status.st_size <= limit else { throw .tooLarge }
    guard let data = try? handle.read(upToCount: limit) ?? Data() else { throw .unreadable }
    return [UInt8](data)
  }
}

/// How a file's bytes are to be read.
enum TextEncoding {
  /// Why bytes are no UTF-8 text; nil when they are. A byte order mark of UTF-8 and Windows' line ends are kept as they are.
  static func fault(in bytes: [UInt8]) -> SkippedFile? {
    if bytes.starts(with: [0xFF, 0xFE, 0, 0]) || bytes.starts(with: [0, 0, 0xFE, 0xFF]) {
      return SkippedFile(.utf16, "UTF-32 by its byte order mark; convert it to UTF-8")
    }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      return SkippedFile(.utf16, "UTF-16 by its byte order mark; convert it to UTF-8")
    }
    if let place = bytes.firstIndex(of: 0) { return SkippedFile(.binary, "a NUL byte at offset \(place)") }
    if String(validating: bytes, as: UTF8.self) == nil {
      return SkippedFile(.invalidUTF8, "no UTF-8; convert it")
    }
    return nil
  }
}

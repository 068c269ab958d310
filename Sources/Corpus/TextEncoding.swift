import Foundation

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
    if let place = firstNUL(in: bytes) { return SkippedFile(.binary, "a NUL byte at offset \(place)") }
    if !isASCII(bytes), String(validating: bytes, as: UTF8.self) == nil {
      return SkippedFile(.invalidUTF8, "no UTF-8; convert it")
    }
    return nil
  }

  private static func firstNUL(in bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBytes { text in
      guard let start = text.baseAddress, let found = memchr(start, 0, text.count) else { return nil }
      return UnsafeRawPointer(found) - start
    }
  }

  /// Most files are, and need no decoding.
  private static func isASCII(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { text in
      var all: UInt64 = 0
      var offset = 0
      while offset + 8 <= text.count {
        all |= text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        offset += 8
      }
      while offset < text.count {
        all |= UInt64(text[offset])
        offset += 1
      }
      return all & 0x8080_8080_8080_8080 == 0
    }
  }
}

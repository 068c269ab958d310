extension SourceFile {
  /// The bytes with spaces in place of the licence notice, so that offsets stay as they are.
  ///
  /// What files are compared by: under one notice of a hundred words all short files of a project would be copies of
  /// each other, and of every held-out file.
  public var body: [UInt8] {
    guard let notice = licence?.range.clamped(to: 0..<bytes.count), !notice.isEmpty else { return bytes }
    var body = bytes
    for offset in notice { body[offset] = 0x20 }
    return body
  }
}

extension Shingles {
  /// Reads a file's body: everything but its licence notice.
  public init(_ file: SourceFile) { self.init(file.body) }
}

extension Fingerprint {
  /// The fingerprint of a file's body: everything but its licence notice.
  public init(_ file: SourceFile) { self.init(Shingles(file)) }
}

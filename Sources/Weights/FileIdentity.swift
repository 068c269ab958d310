extension MappedFile {
  /// What tells this state of the file from any other: its size, when it was changed, a hash of its first megabyte, in
  /// which headers lie, and one of 64 small samples spread over the rest.
  ///
  /// The samples find a file of the same shape that was put in its place with the same date.
  public var identity: JSONValue {
    withBytes { bytes in
      let head = UnsafeRawBufferPointer(rebasing: bytes.prefix(Checksum.chunkBytes))
      return [
        "bytes": .int(byteCount), "modified": [.int(modified.seconds), .int(modified.nanoseconds)],
        "head": .string(Checksum.hash(head)), "samples": .string(Self.sampleHash(bytes)),
      ]
    }
  }

  private static func sampleHash(_ bytes: UnsafeRawBufferPointer) -> String {
    let size = 4096
    let count = 64
    var samples: [UInt8] = []
    samples.reserveCapacity(size * count)
    for index in 1...count {
      let end = Int((Double(bytes.count) / Double(count) * Double(index)).rounded(.down))
      samples.append(contentsOf: bytes[max(0, min(end, bytes.count) - size)..<min(end, bytes.count)])
    }
    return samples.withUnsafeBytes { Checksum.hash($0) }
  }
}

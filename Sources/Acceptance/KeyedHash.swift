import Database
import Foundation

/// Turns paths into identifiers that only this installation can compute.
///
/// SipHash-2-4 with 128 bits of output under a random 128-bit key (Aumasson and Bernstein, "SipHash: a fast
/// short-input PRF", 2012). A plain hash of a path could be guessed from a list of paths; a keyed one cannot.
struct KeyedHash: Sendable {
  private let k0: UInt64
  private let k1: UInt64

  /// Uses a key of 16 bytes.
  init(key: [UInt8]) {
    precondition(key.count == 16, "a key has 16 bytes")
    k0 = Self.word(key[0..<8])
    k1 = Self.word(key[8..<16])
  }

  /// Reads the key file, or makes it with random bytes, readable by its owner only. An empty file counts as none.
  init(keyFile path: String) throws(DatabaseError) {
    for _ in 0..<50 {
      guard let bytes = FileManager.default.contents(atPath: path), !bytes.isEmpty else {
        try Self.makeKey(at: path)
        continue
      }
      guard bytes.count == 16 else { throw .corrupt(file: path, reason: "a key file holds 16 bytes") }
      self.init(key: [UInt8](bytes))
      return
    }
    throw .cannotOpen(file: path, reason: "the key cannot be read")
  }

  /// Replaces an absent or empty file by one with a key, whole or not at all.
  ///
  /// The empty file is locked meanwhile. Who comes second finds another file under the name and leaves it alone.
  private static func makeKey(at path: String) throws(DatabaseError) {
    let empty = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard empty >= 0 else { throw .cannotOpen(file: path, reason: String(cString: strerror(errno))) }
    defer { close(empty) }
    var locked = stat()
    var present = stat()
    guard flock(empty, LOCK_EX) == 0, fstat(empty, &locked) == 0, stat(path, &present) == 0,
      locked.st_ino == present.st_ino, locked.st_size == 0
    else { return }
    let key = RecordID().bytes
    let temporary = "\(path).\(RecordID()).part"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .cannotOpen(file: temporary, reason: String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    guard write(descriptor, key, key.count) == key.count, fsync(descriptor) == 0,
      rename(temporary, path) == 0
    else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw .cannotOpen(file: path, reason: "the key cannot be written: \(reason)")
    }
  }

  /// 16 bytes for a text; none for an empty one.
  func callAsFunction(_ text: String) -> [UInt8] {
    text.isEmpty ? [] : hash(Array(text.utf8))
  }

  func hash(_ message: [UInt8]) -> [UInt8] {
    var state = State(
      v0: k0 ^ 0x736f_6d65_7073_6575, v1: k1 ^ 0x646f_7261_6e64_6f6d ^ 0xee,
      v2: k0 ^ 0x6c79_6765_6e65_7261, v3: k1 ^ 0x7465_6462_7974_6573)
    let whole = message.count & ~7
    for start in stride(from: 0, to: whole, by: 8) { state.absorb(Self.word(message[start..<start + 8])) }
    state.absorb(Self.word(message[whole...]) | UInt64(message.count & 0xFF) << 56)
    state.v2 ^= 0xee
    let low = state.squeeze()
    state.v1 ^= 0xdd
    let high = state.squeeze()
    return [low, high].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) } }
  }

  private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private struct State {
    var v0: UInt64
    var v1: UInt64
    var v2: UInt64
    var v3: UInt64

    mutating func absorb(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }

    mutating func squeeze() -> UInt64 {
      for _ in 0..<4 { round() }
      return v0 ^ v1 ^ v2 ^ v3
    }

    private mutating func round() {
      v0 &+= v1
      v1 = Self.rotate(v1, 13) ^ v0
      v0 = Self.rotate(v0, 32)
      v2 &+= v3
      v3 = Self.rotate(v3, 16) ^ v2
      v0 &+= v3
      v3 = Self.rotate(v3, 21) ^ v0
      v2 &+= v1
      v1 = Self.rotate(v1, 17) ^ v2
      v2 = Self.rotate(v2, 32)
    }

    private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 {
      word << count | word >> (64 - count)
    }
  }
}

import Numerics

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// SHA-256 (FIPS 180-4) of bytes and files, as lower-case hexadecimal text.
public enum SHA256 {
  /// The hash of `bytes`.
  public static func hash(_ bytes: [UInt8]) -> String {
    var state = SHA256State()
    bytes.withUnsafeBytes { state.update($0) }
    return state.finish()
  }

  /// The hash of `bytes` as eight numbers of 32 bits, the first of which are the first digits.
  public static func words(of bytes: UnsafeRawBufferPointer) -> [UInt32] {
    var state = SHA256State()
    state.update(bytes)
    return state.finishWords()
  }

  /// The hash of the file at `path`, read in pieces of one megabyte.
  public static func hash(file path: String) throws(WeightsError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var state = SHA256State()
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw .unreadable(path: path, reason: String(cString: strerror(errno)))
      }
      if count == 0 { return state.finish() }
      buffer.withUnsafeBytes { state.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
  }
}

/// A hash in progress.
struct SHA256State {
  private var words: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let taken = min(64 - pending.count, rest.count)
      pending.append(contentsOf: rest.prefix(taken))
      rest = rest.dropFirst(taken)
      guard pending.count == 64 else { return }
      let block = pending
      block.withUnsafeBytes { compress($0) }
      pending.removeAll(keepingCapacity: true)
    }
    let whole = rest.count & ~63
    compress(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)))
    pending.append(contentsOf: rest.dropFirst(whole))
  }

  mutating func finish() -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for word in finishWords() {
      for shift in stride(from: 28, through: 0, by: -4) { text.append(digits[Int(word >> shift & 15)]) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  mutating func finishWords() -> [UInt32] {
    let bitCount = byteCount &* 8
    let zeros = (119 - pending.count) % 64
    var padding: [UInt8] = [0x80]
    padding.append(contentsOf: repeatElement(0, count: zeros))
    for shift in stride(from: 56, through: 0, by: -8) {
      padding.append(UInt8(truncatingIfNeeded: bitCount >> shift))
    }
    padding.withUnsafeBytes { update($0) }
    return words
  }

  /// Takes whole blocks of 64 bytes.
  private mutating func compress(_ bytes: UnsafeRawBufferPointer) {
    words.withUnsafeMutableBufferPointer { SHA256Kernel.compress($0, bytes) }
  }
}

import CKernels

/// The compression function of SHA-256 (FIPS 180-4, section 6.2.2), by the processor's own instructions where it has them.
public enum SHA256Kernel {
  private static let best: ck_sha256_fn = ck_sha256_best() ?? ck_sha256_reference

  /// Takes whole blocks of 64 bytes into the state of eight words.
  public static func compress(_ state: UnsafeMutableBufferPointer<UInt32>, _ bytes: UnsafeRawBufferPointer) {
    compress(state, bytes, best)
  }

  /// The same in portable C: what tests compare with.
  static func compressPortably(
    _ state: UnsafeMutableBufferPointer<UInt32>, _ bytes: UnsafeRawBufferPointer
  ) {
    compress(state, bytes, ck_sha256_reference)
  }

  private static func compress(
    _ state: UnsafeMutableBufferPointer<UInt32>, _ bytes: UnsafeRawBufferPointer, _ kernel: ck_sha256_fn
  ) {
    precondition(state.count == 8 && bytes.count % 64 == 0, "SHA-256 takes whole blocks into eight words")
    guard let data = bytes.baseAddress else { return }
    kernel(state.baseAddress, data.assumingMemoryBound(to: UInt8.self), Int64(bytes.count / 64))
  }
}

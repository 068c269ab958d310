import Testing

@testable import Numerics

@Suite struct SHA256KernelTests {
  /// Where the processor has no instructions of its own both are the portable one.
  @Test(arguments: [0, 1, 2, 3, 17])
  func theProcessorsInstructionsGiveThePortableResult(blocks: Int) {
    var random = SeededRandom(seed: UInt64(blocks) + 1)
    let bytes = (0..<blocks * 64).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    let begun = (0..<8).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    var best = begun
    var portable = begun
    bytes.withUnsafeBytes { bytes in
      best.withUnsafeMutableBufferPointer { SHA256Kernel.compress($0, bytes) }
      portable.withUnsafeMutableBufferPointer { SHA256Kernel.compressPortably($0, bytes) }
    }
    #expect(best == portable)
    #expect((best == begun) == (blocks == 0))
  }
}

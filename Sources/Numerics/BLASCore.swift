import COpenBLAS

/// Which of OpenBLAS's cores (sets of kernels) is to run dense products.
///
/// The library chooses one itself when it loads, but release 0.3.21 takes processors that are newer than itself for
/// Prescott and then runs at a tenth to a fifth of their speed. The variable `OPENBLAS_CORETYPE` overrides it, if it is
/// set before the library loads.
public struct BLASCore: Sendable, Equatable {
  /// The environment variable that the library reads.
  public static let variable = "OPENBLAS_CORETYPE"

  /// Where the choice comes from.
  public enum Source: Sendable, Equatable {
    /// The user has set the variable.
    case user
    /// The CPU's features.
    case features
    /// Nobody: the library is left alone.
    case library
  }

  /// The CPU as far as it matters here.
  public struct Processor: Sendable, Equatable {
    var hasSSE42 = false
    var hasAVX = false
    /// AVX2 and FMA.
    var hasAVX2 = false
    /// AVX-512 F, CD, BW, DQ and VL.
    var hasAVX512 = false
    var isAMD = false
    /// As CPUID counts it; 0 where there is no CPUID.
    var family = 0

    /// The CPU that runs this.
    public static var this: Processor {
      let cpu = cob_this_cpu()
      return Processor(
        hasSSE42: cpu.has_sse42 != 0, hasAVX: cpu.has_avx != 0, hasAVX2: cpu.has_avx2_fma != 0,
        hasAVX512: cpu.has_avx512 != 0, isAMD: cpu.is_amd != 0, family: Int(cpu.family))
    }
  }

  /// Value of the variable; nil leaves the choice to the library.
  public let name: String?
  /// Who chose.
  public let source: Source
  /// Why, as the rest of a sentence after "because".
  public let reason: String

  /// The core for `processor`. A user's own choice stands, right or wrong; empty text is none.
  public static func choice(for processor: Processor, userChoice: String? = nil) -> BLASCore {
    if let userChoice, !userChoice.isEmpty {
      return BLASCore(name: userChoice, source: .user, reason: "\(variable) is set")
    }
    if processor.hasAVX512 {
      // Zen 4 takes two steps for 512 bits. Measured there: Haswell 104, SkylakeX 100 GFLOP/s per thread at 512 x 512 x
      // 512, and 84 to 73 at 16 rows. Zen 5 has units of the full width.
      return processor.isAMD && processor.family <= 25
        ? BLASCore(name: "Haswell", source: .features, reason: "the CPU's AVX-512 is no faster than its AVX2")
        : BLASCore(name: "SkylakeX", source: .features, reason: "the CPU has AVX-512")
    }
    if processor.hasAVX2 {
      return BLASCore(
        name: processor.isAMD ? "Zen" : "Haswell", source: .features, reason: "the CPU has AVX2 and FMA")
    }
    if processor.hasAVX {
      return BLASCore(name: "Sandybridge", source: .features, reason: "the CPU has AVX")
    }
    if processor.hasSSE42 {
      return BLASCore(name: "Nehalem", source: .features, reason: "the CPU has SSE 4.2 and no AVX")
    }
    return BLASCore(name: nil, source: .library, reason: "the library knows this kind of CPU better")
  }
}

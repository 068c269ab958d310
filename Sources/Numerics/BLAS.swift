import COpenBLAS
import Foundation

/// Dense f32 products. OpenBLAS does them where it can be loaded; a plain loop does otherwise.
public struct BLAS: Sendable {
  /// Whether OpenBLAS was found.
  public let isLoaded: Bool
  /// Which core was asked for, and why.
  public let choice: BLASCore

  /// Loads OpenBLAS once per process, with the core that suits this CPU.
  public static let shared: BLAS = {
    let choice = BLASCore.choice(
      for: .this, userChoice: getenv(BLASCore.variable).map { String(cString: $0) })
    return BLAS(choice: choice, isLoaded: cob_load(choice.name) == 0)
  }()

  init(choice: BLASCore, isLoaded: Bool) {
    self.choice = choice
    self.isLoaded = isLoaded
  }

  /// The core that the library says it uses; nil where there is no library.
  public var coreName: String? { isLoaded ? String(cString: cob_core_name()) : nil }

  /// The library's version; nil where there is no library or it does not say.
  public var version: String? {
    guard isLoaded else { return nil }
    // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64"
    let words = String(cString: cob_configuration()).split(separator: " ")
    return words.count > 1 && words[0] == "OpenBLAS" ? String(words[1]) : nil
  }

  /// Whether the library uses another core than was asked for: it may have been built for one CPU only.
  public var ignoresChoice: Bool {
    guard let asked = choice.name, let coreName else { return false }
    return asked.lowercased() != coreName.lowercased()
  }

  /// Library and core in a few words.
  public var description: String {
    guard let coreName else { return "built-in loops (libopenblas.so.0 not found)" }
    return "OpenBLAS (\(coreName))"
  }

  /// `c[m, n] = alpha · op(a) · op(b) + beta · c`, row-major, cut by rows of `c` over `pool`.
  ///
  /// `op(a)` is `[m, k]`, `op(b)` is `[k, n]`; `lda`, `ldb`, `ldc` are floats between two rows as stored.
  public func multiply(
    m: Int, n: Int, k: Int, alpha: Float = 1, a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    b: UnsafePointer<Float>, ldb: Int, transposeB: Bool = false, beta: Float = 0,
    c: UnsafeMutablePointer<Float>,
    ldc: Int, pool: WorkerPool? = .shared
  ) {
    guard m > 0, n > 0 else { return }
    let body = { (rows: Range<Int>) in
      let first = transposeA ? a + rows.lowerBound : a + rows.lowerBound * lda
      one(
        m: rows.count, n: n, k: k, alpha: alpha, a: first, lda: lda, transposeA: transposeA, b: b, ldb: ldb,
        transposeB: transposeB, beta: beta, c: c + rows.lowerBound * ldc, ldc: ldc)
    }
    if let pool, m * n * k > 65_536 {
      pool.split(m, unit: 8, body)
    } else {
      body(0..<m)
    }
  }

  private func one(
    m: Int, n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int, transposeA: Bool,
    b: UnsafePointer<Float>, ldb: Int, transposeB: Bool, beta: Float, c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    if isLoaded {
      cob_sgemm(
        transposeA ? 1 : 0, transposeB ? 1 : 0, Int64(m), Int64(n), Int64(k), alpha, a, Int64(lda), b,
        Int64(ldb),
        beta, c, Int64(ldc))
      return
    }
    for i in 0..<m {
      let row = c + i * ldc
      for j in 0..<n { row[j] = beta == 0 ? 0 : beta * row[j] }
      for p in 0..<k {
        let factor = alpha * (transposeA ? a[p * lda + i] : a[i * lda + p])
        if transposeB {
          for j in 0..<n { row[j] += factor * b[j * ldb + p] }
        } else {
          Kernels.best.axpy(factor, b + p * ldb, count: n, addingTo: row)
        }
      }
    }
  }
}

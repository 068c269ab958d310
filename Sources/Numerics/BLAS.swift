import CKernels
import COpenBLAS

/// Dense f32 products. OpenBLAS does them where it can be loaded; a plain loop does otherwise.
public struct BLAS: Sendable {
  private let loaded: Bool

  /// Loads OpenBLAS once per process. Its core type is set by CPU feature first: release 0.3.21 takes CPUs that it does
  /// not know for Prescott, at a tenth of their speed.
  public static let shared: BLAS = {
    let core = ["Nehalem", "Haswell", "SkylakeX"][Int(ck_cpu_level())]
    return BLAS(loaded: cob_load(core) == 0)
  }()

  /// Name of the library's core in use, for `gemfill doctor`.
  public var description: String {
    loaded ? "OpenBLAS (\(String(cString: cob_core_name())))" : "built-in loops (libopenblas.so.0 not found)"
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
    if loaded {
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

import CKernels
import Foundation

/// What this machine can do at best, measured: the floors that engine and trainer are held against.
public struct MachineLimits: Sendable {
  /// Bytes per second read from a block of a given size by all threads: the best of 15 passes, from large pages where
  /// the system grants them. What others took from the slower passes is no limit of the machine.
  public static func readBandwidth(megabytes: Int, pool: WorkerPool = .shared) -> Double {
    let count = max(1, megabytes) * 262_144
    let largePage = 1 << 21
    let raw = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: largePage)
    defer { raw.deallocate() }
    madvise(raw, count * 4, MADV_HUGEPAGE)
    memset(raw, 0, count * 4)
    let block = raw.bindMemory(to: Float.self, capacity: count)
    let repeats = max(1, 64 / max(1, megabytes))
    let sums = FloatBuffer(pool.threadCount * 16)
    let part = count / pool.threadCount
    let seconds = (0..<15).map { _ in
      time {
        pool.run(pool.threadCount) { thread in
          let start = block + thread * part
          for _ in 0..<repeats { sums.pointer[thread * 16] += Kernels.best.dot(start, start, count: part) }
        }
      }
    }
    return Double(count * 4 * repeats) / (seconds.min() ?? 1)
  }

  /// int8 operations (a multiply and an add are two) per second from registers, all threads;
  /// the best of five runs.
  public static func int8Operations(pool: WorkerPool = .shared) -> Double {
    best(5) {
      let operations = Buffer<Int64>(pool.threadCount)
      let seconds = time {
        pool.run(pool.threadCount) { thread in
          var sink: Int32 = 1
          operations.pointer[thread] = Kernels.best.table.pointee.int8_burst(4_000_000, &sink)
        }
      }
      return Double(operations.array.reduce(0, +)) / seconds
    }
  }

  /// f32 operations per second of dense products of 512 × 512 × 512, all threads; the best of five runs.
  public static func denseOperations(pool: WorkerPool = .shared) -> Double {
    let n = 512
    let (a, b, c) = (FloatBuffer(n * n), FloatBuffer(n * n), FloatBuffer(n * n))
    return best(5) {
      let seconds = time {
        for _ in 0..<8 {
          BLAS.shared.multiply(
            m: n, n: n, k: n, a: a.pointer, lda: n, b: b.pointer, ldb: n, c: c.pointer, ldc: n, pool: pool)
        }
      }
      return 8 * 2 * Double(n * n * n) / seconds
    }
  }

  /// Largest of `runs` measurements.
  public static func best(_ runs: Int, _ measure: () -> Double) -> Double {
    (0..<runs).reduce(0) { best, _ in max(best, measure()) }
  }

  /// Middle of `runs` measurements.
  public static func median(_ runs: Int, _ measure: () -> Double) -> Double {
    let sorted = (0..<runs).map { _ in measure() }.sorted()
    return sorted[sorted.count / 2]
  }

  /// Seconds that `work` takes.
  public static func time(_ work: () -> Void) -> Double {
    let start = ContinuousClock.now
    work()
    return max(1e-9, (ContinuousClock.now - start) / .seconds(1))
  }
}

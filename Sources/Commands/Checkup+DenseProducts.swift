import Foundation
import Numerics

extension Checkup {
  /// What runs dense f32 products, why, and how fast it is here.
  func denseProducts() -> Finding {
    let blas = BLAS.shared
    return Self.denseProducts(
      library: blas.coreName.map { (version: blas.version, core: $0) }, choice: blas.choice,
      suitable: BLASCore.choice(for: .this).name, ignoresChoice: blas.ignoresChoice,
      speed: MachineLimits.denseOperations(), threads: WorkerPool.shared.threadCount)
  }

  /// The finding for a library (nil: none was found), the core asked for, and the core that suits this CPU.
  ///
  /// `speed` is in operations per second.
  static func denseProducts(
    library: (version: String?, core: String)?, choice: BLASCore, suitable: String?, ignoresChoice: Bool,
    speed: Double, threads: Int
  ) -> Finding {
    func finding(_ state: State, _ text: String) -> Finding {
      let rate = String(format: "%.0f", speed / 1e9)
      return Finding(
        name: "dense products", state: state, text: "\(text); \(rate) GFLOP/s on \(threads) threads")
    }
    guard let library else {
      return finding(
        .note,
        "built-in loops, since libopenblas.so.0 was not found; 'apt install libopenblas0' makes training faster"
      )
    }
    let name = ["OpenBLAS", library.version].compactMap(\.self).joined(separator: " ")
    if ignoresChoice, let asked = choice.name {
      return finding(
        .note,
        "\(name) uses its core \(library.core), although \(asked) was asked for because \(choice.reason)")
    }
    let text = "\(name), core \(library.core) because \(choice.reason)"
    if choice.source == .user, let suitable, suitable.lowercased() != library.core.lowercased() {
      return finding(.note, "\(text); \(suitable) would suit this CPU")
    }
    return finding(.good, text)
  }
}

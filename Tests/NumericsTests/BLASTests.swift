import Foundation
import Testing

@testable import Numerics

private func text(_ variable: String) -> String? { getenv(variable).map { String(cString: $0) } }

@Suite struct BLASTests {
  private typealias Processor = BLASCore.Processor

  @Test func theCoreFollowsTheFeaturesOfTheCPU() {
    let sse = Processor(hasSSE42: true)
    let avx = Processor(hasSSE42: true, hasAVX: true)
    let avx2 = Processor(hasSSE42: true, hasAVX: true, hasAVX2: true, family: 6)
    let avx512 = Processor(hasSSE42: true, hasAVX: true, hasAVX2: true, hasAVX512: true, family: 6)
    func amd(_ processor: Processor, _ family: Int) -> Processor {
      var changed = processor
      (changed.isAMD, changed.family) = (true, family)
      return changed
    }
    let expected: [(Processor, String?)] = [
      (avx512, "SkylakeX"), (amd(avx512, 26), "SkylakeX"), (amd(avx512, 25), "Haswell"),
      (avx2, "Haswell"), (amd(avx2, 23), "Zen"), (amd(avx2, 25), "Zen"),
      (avx, "Sandybridge"), (sse, "Nehalem"), (Processor(), nil),
    ]
    for (processor, name) in expected {
      let choice = BLASCore.choice(for: processor)
      #expect(choice.name == name, "\(processor)")
      #expect(choice.source == (name == nil ? .library : .features))
    }
  }

  @Test func aCoreThatTheUserNamesStands() {
    let fast = Processor(hasSSE42: true, hasAVX: true, hasAVX2: true, hasAVX512: true, family: 6)
    let choice = BLASCore.choice(for: fast, userChoice: "Nehalem")
    #expect(choice.name == "Nehalem" && choice.source == .user && choice.reason.contains("OPENBLAS_CORETYPE"))
    #expect(BLASCore.choice(for: fast, userChoice: "").name == "SkylakeX")
  }

  @Test(.enabled(if: BLAS.shared.isLoaded, "libopenblas.so.0 is not installed"))
  func theLoadedLibraryReportsTheChosenCore() throws {
    let asked = try #require(BLAS.shared.choice.name)
    #expect(BLAS.shared.coreName?.lowercased() == asked.lowercased())
    #expect(!BLAS.shared.ignoresChoice)
    #expect(BLAS.shared.version?.first?.isNumber == true)
  }

  @Test(.enabled(if: BLAS.shared.isLoaded, "libopenblas.so.0 is not installed"))
  func theLibraryObeysTheUserAndTheEnvironmentIsLeftAsItWas() async {
    await #expect(processExitsWith: .exitCode(42)) {
      setenv("OPENBLAS_CORETYPE", "Nehalem", 1)
      setenv("OPENBLAS_NUM_THREADS", "7", 1)
      let core = BLAS.shared.coreName
      let isUnchanged = text("OPENBLAS_CORETYPE") == "Nehalem" && text("OPENBLAS_NUM_THREADS") == "7"
      exit(core == "Nehalem" && isUnchanged && !BLAS.shared.ignoresChoice ? 42 : 1)
    }
    await #expect(processExitsWith: .exitCode(42)) {
      unsetenv("OPENBLAS_CORETYPE")
      unsetenv("OPENBLAS_NUM_THREADS")
      guard BLAS.shared.isLoaded else { exit(1) }
      exit(text("OPENBLAS_CORETYPE") == nil && text("OPENBLAS_NUM_THREADS") == nil ? 42 : 2)
    }
  }

  @Test func aCoreThatTheLibraryDoesNotHaveIsNoticed() async {
    await #expect(processExitsWith: .exitCode(42)) {
      setenv("OPENBLAS_CORETYPE", "Pentium9", 1)
      let blas = BLAS.shared
      exit(blas.ignoresChoice == blas.isLoaded && blas.choice.source == .user ? 42 : 1)
    }
  }

  @Test(arguments: [false, true])
  func productsOfBothKindsEqualTheDefinition(transposed: Bool) {
    let (m, n, k) = (37, 29, 53)
    var random = SeededRandom(seed: 11)
    let a = (0..<m * k).map { _ in random.uniform(within: 1) }
    let b = (0..<k * n).map { _ in random.uniform(within: 1) }
    let start = (0..<m * n).map { _ in random.uniform(within: 1) }
    let builtIn = BLAS(choice: BLASCore.choice(for: .this), isLoaded: false)
    for blas in [BLAS.shared, builtIn] {
      var c = start
      blas.multiply(
        m: m, n: n, k: k, alpha: 0.5, a: a, lda: transposed ? m : k, transposeA: transposed, b: b,
        ldb: transposed ? k : n, transposeB: transposed, beta: 2, c: &c, ldc: n)
      for i in 0..<m {
        for j in 0..<n {
          var exact = 2 * Double(start[i * n + j])
          for p in 0..<k {
            let x = a[transposed ? p * m + i : i * k + p]
            let y = b[transposed ? j * k + p : p * n + j]
            exact += 0.5 * Double(x) * Double(y)
          }
          #expect(abs(Double(c[i * n + j]) - exact) < 1e-4, "\(blas.description)")
        }
      }
    }
  }
}

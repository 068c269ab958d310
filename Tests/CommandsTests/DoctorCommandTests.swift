import Foundation
import Testing

@testable import Commands
@testable import Numerics

struct DoctorCommandTests {
  private func finding(_ name: String, _ environment: [String: String]) -> Checkup.Finding? {
    Checkup(environment: environment).findings().first { $0.name == name }
  }

  @Test func missingBaseAndGrammarsAreBadAndSayWhatToDo() throws {
    let environment = [
      "GEMFILL_BASE": "/no/such.gguf", "GEMFILL_GRAMMARS": "/no/such", "GEMFILL_HOME": "/no/home",
    ]
    let base = try #require(finding("base model", environment))
    #expect(base.state == .bad && base.text.contains("/no/such.gguf") && base.text.contains("--base"))
    let grammars = try #require(finding("grammars", environment))
    #expect(grammars.state == .bad && grammars.text.contains("scripts/grammars"))
    #expect(finding("home", environment)?.text.contains("not yet made") == true)
    #expect(!FileManager.default.fileExists(atPath: "/no/home"))
  }

  @Test func damagedFilesInTheHomeAreBadAndNamed() throws {
    let home = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
      .path
    try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: home) }
    for name in ["registry.sqlite", "acceptance.sqlite", "config.json"] {
      try Data(repeating: 0x41, count: 3_000).write(to: URL(fileURLWithPath: home + "/" + name))
    }
    for (name, file) in [
      ("adapters", "registry.sqlite"), ("acceptance log", "acceptance.sqlite"), ("settings", "config.json"),
    ] {
      let found = try #require(finding(name, ["GEMFILL_HOME": home]))
      #expect(found.state == .bad && found.text.contains(file), "\(found)")
    }
  }

  @Test func processorIsReadFromTheKernelsText() {
    let text = "processor\t: 0\nmodel name\t: Fast: CPU 3000\nflags\t: avx2\n"
    #expect(Checkup.field("model name", in: text) == "Fast: CPU 3000")
    #expect(Checkup.field("bogus", in: text) == nil)
  }

  @Test func denseProductsSayWhichCoreRunsAndWhy() {
    let chosen = BLASCore(name: "SkylakeX", source: .features, reason: "the CPU has AVX-512")
    func finding(
      _ core: String?, _ choice: BLASCore, ignored: Bool = false
    ) -> Checkup.Finding {
      Checkup.denseProducts(
        library: core.map { ("0.3.21", $0) }, choice: choice, suitable: "SkylakeX", ignoresChoice: ignored,
        speed: 201e9, threads: 2)
    }
    let fine = finding("SkylakeX", chosen)
    #expect(fine.state == .good)
    #expect(
      fine.text
        == "OpenBLAS 0.3.21, core SkylakeX because the CPU has AVX-512; 201 GFLOP/s on 2 threads")
    let users = BLASCore(name: "Nehalem", source: .user, reason: "OPENBLAS_CORETYPE is set")
    let slow = finding("Nehalem", users)
    #expect(slow.state == .note && slow.text.contains("OPENBLAS_CORETYPE") && slow.text.contains("SkylakeX"))
    let ignored = finding("Prescott", chosen, ignored: true)
    #expect(ignored.state == .note && ignored.text.contains("Prescott") && ignored.text.contains("SkylakeX"))
    let missing = finding(nil, chosen)
    #expect(missing.state == .note && missing.text.contains("apt install libopenblas0"))
  }

  @Test func doctorMeasuresTheProductsOfThisMachine() throws {
    let found = try #require(finding("dense products", [:]))
    let speed = found.text.split(separator: ";").last?.split(separator: " ").first.flatMap { Int($0) }
    #expect(try #require(speed) > 0, "\(found.text)")
  }
}

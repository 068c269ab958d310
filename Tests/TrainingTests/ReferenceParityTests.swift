import Foundation
import Testing

@testable import Training

/// `Tests/Fixtures`, remade by `scripts/fixtures`.
private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures").path

@Suite struct ReferenceParityTests {
  @Test func gemma3AgreesWithTransformersAndPEFT() throws {
    var verification = try ReferenceVerification(directory: fixtures + "/gemma3")
    try verification.run()
    for check in verification.checks {
      #expect(check.passed, "\(check.name): \(check.difference) > \(check.tolerance)")
    }
    let names = Set(verification.checks.map(\.name))
    #expect(names.isSuperset(of: ["logits", "hidden.final_norm", "greedy", "lora.logits", "fim_batch.loss"]))
    #expect(verification.checks.filter { $0.name.hasPrefix("grad.") }.count == 56)
    #expect(verification.checks.filter { $0.name.hasPrefix("after5.") }.count == 56)
  }
}

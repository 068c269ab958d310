import Foundation
import Training
import Weights

/// `gemfill verify`: numerical parity with reference tensors.
struct VerifyCommand: Command {
  static let name = "verify"
  static let summary = "Compare the f32 path with reference tensors of transformers and PEFT."
  static let discussion = """
    FIXTURE_DIR holds a small model, an adapter, expected.json and expected.safetensors as scripts/fixtures makes
    them. Compared are logits, hidden states, greedy decoding, adapter logits, loss, LoRA gradients, the factors
    after five AdamW steps, and DPO; what the folder holds beyond what was compared is listed. Exit code 1 when any difference is beyond its tolerance.
    """
  static let positionals = [Positional("FIXTURE_DIR", help: "Folder of one model family.")]
  static let options = [
    Option.text("out", "ACTUAL.safetensors", help: "Write our own tensors under the reference's names.")
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    var verification = try ReferenceVerification(directory: arguments.required("FIXTURE_DIR"))
    try verification.run()
    if let path = arguments.text("out") {
      try SafetensorsFile.write(verification.actual, metadata: ["format": "pt"], to: path)
    }
    let failed = verification.checks.filter { !$0.passed }
    console.table(
      ["what", "largest difference", "tolerance", ""],
      groups(verification.checks).map {
        [$0.name, short($0.difference), short($0.tolerance), $0.passed ? "ok" : "FAIL"]
      },
      alignment: [.left, .right, .right, .left])
    console.print("\(verification.checks.count) comparisons, \(failed.count) beyond tolerance")
    for omission in verification.omissions {
      console.print("not compared: \(omission.name) (\(omission.count)): \(omission.reason)")
    }
    console.emit(json: [
      "passed": .bool(failed.isEmpty),
      "checks": .array(
        verification.checks.map {
          [
            "name": .string($0.name), "difference": .double($0.difference),
            "tolerance": .double($0.tolerance),
            "passed": .bool($0.passed),
          ]
        }),
      "not_compared": .array(
        verification.omissions.map {
          ["name": .string($0.name), "count": .int($0.count), "reason": .string($0.reason)]
        }),
    ])
    return failed.isEmpty ? .done : .failed
  }

  /// One row per kind of tensor: the many gradients and factors are shown by their worst.
  private static func groups(_ checks: [ReferenceVerification.Check]) -> [ReferenceVerification.Check] {
    var rows: [ReferenceVerification.Check] = []
    for check in checks {
      var check = check
      for prefix in ["grad.", "after5.", "dpo_grad."] where check.name.hasPrefix(prefix) {
        check.name = prefix + "*"
      }
      if let part = check.name.range(of: ".grad.") { check.name = check.name[..<part.upperBound] + "*" }
      if let index = rows.firstIndex(where: { $0.name == check.name }) {
        if check.difference / check.tolerance > rows[index].difference / rows[index].tolerance {
          rows[index] = check
        }
      } else {
        rows.append(check)
      }
    }
    return rows
  }

  private static func short(_ value: Double) -> String {
    value == 0 ? "0" : String(format: "%.2g", value)
  }
}

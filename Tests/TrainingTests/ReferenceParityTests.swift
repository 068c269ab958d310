import Foundation
import Gemma
import Testing

@testable import Training

/// `Tests/Fixtures`, remade by `scripts/fixtures/make_fixtures.py`.
private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures").path

@Suite struct ReferenceParityTests {
  private func verify(_ family: String) throws -> ReferenceVerification {
    var verification = try ReferenceVerification(directory: fixtures + "/" + family)
    try verification.run()
    for check in verification.checks {
      #expect(check.passed, "\(check.name): \(check.difference) > \(check.tolerance)")
    }
    return verification
  }

  @Test(arguments: ["gemma", "gemma2", "gemma3"])
  func servingAndTrainingAgreeWithTransformersAndPEFT(family: String) throws {
    let verification = try verify(family)
    let names = Set(verification.checks.map(\.name))
    #expect(
      names.isSuperset(of: [
        "logits", "hidden.embed", "hidden.layer.3", "hidden.final_norm", "greedy",
        "config.legacy.json: logits",
        "bf16.logits_f32_compute_last16", "bf16.greedy", "lora.logits", "lora.greedy",
        "fim_batch.logits_at_labels", "fim_batch.loss", "step 5 loss",
      ]))
    #expect(names.contains("config.ropescale.json: ropescale.logits_last4") == (family == "gemma3"))
    #expect(verification.checks.filter { $0.name.hasPrefix("grad.") }.count == 56)
    #expect(verification.checks.filter { $0.name.hasPrefix("after5.") }.count == 56)
    #expect(verification.checks.filter { $0.name.hasPrefix("dpo_grad.") }.count == 28)
    #expect(
      names.isSuperset(of: [
        "dpo.loss", "dpo.margins", "dpo.policy_chosen_logps", "dpo.ref_rejected_logps",
      ]))
    #expect(verification.omissions.isEmpty)
  }

  @Test(arguments: ["gemma3n", "gemma4_dense", "gemma4_e", "gemma4_moe"])
  func servingOfLaterGenerationsAgreesAndWhatIsNotTrainedIsSaid(family: String) throws {
    let verification = try verify(family)
    let names = Set(verification.checks.map(\.name))
    #expect(
      names.isSuperset(of: [
        "logits", "hidden.embed", "hidden.layer.3", "hidden.final_norm", "greedy",
        "bf16.logits_f32_compute_last16", "bf16.greedy", "lora.logits", "lora.greedy",
        "fim_batch.logits_at_labels", "fim_batch.loss, served",
      ]))
    #expect(names.contains("config.legacy.json: logits") == (family != "gemma3n"))
    #expect(verification.omissions.map(\.name) == ["after5.*", "dpo_grad.*", "grad.*"])
    #expect(verification.omissions.allSatisfy { $0.count > 0 && $0.reason.contains("not trained") })
  }

  @Test func adaptersOfAllKindsAgreeWithPEFT() throws {
    let verification = try verify("gemma3_adapters")
    let names = verification.checks.map(\.name)
    for (kind, tensors) in [("rslora", 16), ("dora", 24), ("patterns", 16), ("tokens", 17)] {
      let own = names.filter { $0.hasPrefix("variant.\(kind).") }
      #expect(
        Set(own).isSuperset(of: ["logits", "loss, trained", "loss"].map { "variant.\(kind).\($0)" }))
      #expect(own.filter { $0.hasPrefix("variant.\(kind).grad.") }.count == tensors)
    }
    let kinds = ["linear", "ties", "ties_svd", "svd", "cat"]
    #expect(Set(names).isSuperset(of: kinds.map { "merge.\($0).logits_last4" }))
    let query = "model.layers.0.self_attn.q_proj"
    #expect(
      Set(names).isSuperset(
        of: (kinds + ["dense_ties_sum", "dense_ties_norm"]).map { "merge.\($0).delta.\(query)" }))
    #expect(verification.omissions.isEmpty)
  }

  @Test(arguments: ["gemma3n", "gemma4_moe"])
  func trainingALaterGenerationIsRefusedWithTheReason(family: String) throws {
    let model = try GemmaModel.load(path: fixtures + "/" + family, precision: .float32)
    let adapter = TrainableAdapter(model.configuration, rank: 2, alpha: 4, seed: 1)
    let error = #expect(throws: TrainingError.self) {
      try TrainingPass(model: model, adapter: adapter, maximumTokens: 32, longest: 32)
    }
    #expect(error?.description.contains("cannot be trained here") == true)
    #expect(error?.description.contains(model.path) == true)
  }
}

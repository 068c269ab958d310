import Foundation
import Gemma
import Weights

extension ReferenceVerification {
  /// Merges of the adapters in `a` and `b`: what they add to a matrix, the factors where PEFT's own methods say them, and the
  /// last logits of the model with each.
  mutating func merges(_ model: GemmaModel) throws {
    guard let facts = facts["merge"]?.objectValue else { return }
    let adapters = try ["a", "b"].map { try PEFTAdapter(directory: directory + "/" + $0) }
    for (kind, facts) in facts {
      let methods: [String: AdapterMerge.Method] = [
        "linear": .peftLinear, "ties": .peftTies, "ties_svd": .tiesSVD, "svd": .svd, "cat": .cat,
      ]
      guard let method = methods[kind] else { continue }
      var merge = AdapterMerge(method)
      merge.density = facts["density"]?.doubleValue ?? 0.5
      merge.rank = facts["svd_rank"]?.intValue.flatMap { (1...64).contains($0) ? $0 : nil }
      let merged = try merge.merge(parents(adapters, facts))
      try compare(merged, model, kind: kind)
    }
    if let facts = facts["ties"] { try denseTies(parents(adapters, facts), facts) }
  }

  private func parents(_ adapters: [PEFTAdapter], _ facts: JSONValue) throws -> [AdapterMerge.Parent] {
    let weights = facts["weights"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    guard weights.count == adapters.count else { throw malformed("merge", "has not one weight per adapter") }
    return zip(adapters, weights).map {
      AdapterMerge.Parent(name: $0.directory, weight: $1, adapter: $0)
    }
  }

  private mutating func compare(_ merged: AdapterMerge.Result, _ model: GemmaModel, kind: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
      .path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try merged.write(to: folder, baseModelName: nil)
    let adapter = try PEFTAdapter(directory: folder)
    for module in adapter.modules {
      let term = MergeTerm(module, weight: 1, parent: 0)
      let names = [
        ("delta", [term.outputs, term.inputs], term.delta), ("lora_A", [term.rank, term.inputs], term.a),
        ("lora_B", [term.outputs, term.rank], term.b),
      ]
      for (part, shape, values) in names {
        let name = "merge.\(kind).\(part).\(module.modulePath)"
        if expected.tensor(name) != nil { record(name, shape: shape, values, tolerance: 2e-5) }
      }
    }
    let loaded = try LoRAAdapter(directory: folder, model: model)
    let ids = tokens(facts["input_ids"])
    try compareLogits(model, loaded, ids, "merge.\(kind).logits_last4", rows: 4, tolerance: 3e-4)
  }

  /// What mergekit makes of the dense matrices, before any factoring.
  private mutating func denseTies(_ parents: [AdapterMerge.Parent], _ facts: JSONValue) throws {
    let density = facts["density"]?.doubleValue ?? 0.5
    for (suffix, consensus) in [("sum", AdapterMerge.Consensus.sum), ("norm", .mean)] {
      for module in parents[0].adapter.modules {
        let name = "merge.dense_ties_\(suffix).delta.\(module.modulePath)"
        guard expected.tensor(name) != nil else { continue }
        let terms = parents.enumerated().compactMap { index, parent in
          parent.adapter.modules.first { $0.modulePath == module.modulePath }
            .map { MergeTerm($0, weight: parent.weight, parent: index) }
        }
        guard terms.allSatisfy({ ($0.outputs, $0.inputs) == (terms[0].outputs, terms[0].inputs) }) else {
          throw malformed("merge", "has adapters of different shapes")
        }
        let delta = MergeTerms(path: module.modulePath, terms: terms, seed: 1)
          .elected(density: density, dropping: .smallest, consensus: consensus)
        record(name, shape: [terms[0].outputs, terms[0].inputs], delta, tolerance: 2e-5)
      }
    }
  }
}

import Acceptance
import Corpus
import Foundation
import Registry
import Training
import Weights

/// Verdicts to learn from, and some to measure with, read as the options say.
struct PreferenceData {
  /// What is learnt from.
  let set: PreferenceSet
  /// Verdicts on files that are not learnt from.
  let heldOut: [PreferenceExample]
  /// SHA-256 over all of it.
  let hash: String

  /// - Throws: `PreferenceError`; `Failure` where the log holds nothing to learn from.
  init(_ arguments: Arguments, _ name: ObjectiveSettings.Name, home: Home, console: Console) throws {
    let all: PreferenceSet
    if let path = arguments.text("preferences") {
      let kind: PreferenceFile.Kind = name == .dpo ? .pairs : .labels
      all = PreferenceSet(path: path, examples: try PreferenceFile.read(path, kind))
    } else {
      all = try Self.logged(home.acceptanceLog, console)
    }
    guard !all.examples.isEmpty else {
      throw Failure("\(all.path): holds no example; write JSON lines to it")
    }
    if name != .dpo {
      try all.check(least: arguments.integer("least-events") ?? PreferenceSet.leastEvents)
    }
    let parts = ValidationSplit.split(all.examples) { $0.path }
    set = PreferenceSet(path: all.path, examples: parts.train)
    heldOut = parts.validation
    hash = SHA256.hash(Array("\(all.examples)".utf8))
  }

  /// The labels of the acceptance log, without what holds secrets.
  private static func logged(_ path: String, _ console: Console) throws -> PreferenceSet {
    let feedback = try Feedback(path: path)
    guard feedback.decided > 0 else {
      throw Failure("\(path): no suggestion was accepted or dismissed yet; use gemfill lsp for a while")
    }
    if feedback.withoutText > 0 {
      let line =
        "\(path): the text of \(feedback.withoutText) of \(feedback.decided) decided suggestions was not kept; "
        + "start the server with gemfill lsp --keep-text"
      guard feedback.withoutText < feedback.decided else { throw Failure(line) }
      console.note(line)
    }
    let scanner = SecretScanner()
    let labels = feedback.labels.filter { label in
      scanner.findings(in: Array((label.text.prefix + label.text.completion + label.text.suffix).utf8))
        .isEmpty
    }
    if labels.count < feedback.labels.count {
      console.note("\(feedback.labels.count - labels.count) suggestions beside secrets are left out")
    }
    return PreferenceSet(
      path: path,
      examples: labels.map { label in
        PreferenceExample(
          path: label.text.path, prefix: label.text.prefix, suffix: label.text.suffix,
          verdict: .single(
            completion: label.text.completion, isDesirable: label.isDesirable, weight: Float(label.weight),
            isWhole: label.isWhole))
      })
  }
}

extension DataCard {
  /// The card for people: everything but the list of files.
  public var markdown: String {
    var text = "# Data card\n\n"
    for origin in origins {
      text += "- Source: `\(origin.path)`\(origin.commit.map { " at commit `\($0)`" } ?? "")"
      text += origin.isShallow == true ? ", a shallow clone: its files count as equally old\n" : "\n"
    }
    if let oldestChange, let newestChange {
      text += "- Last changes: \(oldestChange) to \(newestChange)\n"
    } else {
      text += "- Last changes: not known (no git history at hand); all files count as equally old\n"
    }
    text += choices
    text += "- Written by \(tool)\n\n"
    text +=
      "\(exampleCount) examples from \(fileCount) files (\(bytes) bytes); \(listedPaths) paths were listed, "
    text += "\(filesWithoutExamples) files gave no example.\n"
    text +=
      "Every file that examples were cut from, or show pieces of, stands with its content hash in the JSON form "
    text += "of this card. It also has the arguments that write the set again.\n"
    for (name, split) in splits.sorted(by: { $0.key < $1.key }) { text += section(name, split) }
    text += Self.table(
      "Licences of the files", ["licence", "files", "share of bytes"],
      licences.sorted { $0.value.bytes != $1.value.bytes ? $0.value.bytes > $1.value.bytes : $0.key < $1.key }
        .map {
          [$0.key, "\($0.value.files)", Self.percent($0.value.share)]
        })
    text += Self.counts("Paths left out", "reason", skipped)
    text += Self.counts("Candidates dropped", "reason", drops)
    text += Self.counts("Secrets and personal data replaced", "rule", secrets)
    text += "\n\(copyClusters) clusters of equal or nearly equal files; one file of each was kept.\n"
    if !deniedLicences.isEmpty { text += "\nRefused licences: \(deniedLicences.joined(separator: ", ")).\n" }
    return text
  }

  /// What somebody chose, beside the sources.
  private var choices: String {
    var text = "- Seed \(seed), epoch \(epoch)\(shard.map { ", shard \($0)" } ?? "")"
    text += "\(limit.map { ", at most \($0) training examples" } ?? "")\n"
    text += "- Settings: sha256 `\(settingsHash)`\n"
    if let languages { text += "- Languages: \(languages.joined(separator: ", "))\n" }
    if let until = test?.until {
      text += "- Test: \(test?.commits ?? 0) commits after the source's, up to `\(until)`\n"
    }
    if let release = test?.release { text += "- Test: what `\(release.path)` adds\n" }
    for file in heldOutFiles { text += "- Held out: `\(file.path)`, sha256 `\(file.hash.hex)`\n" }
    if let hardness { text += "- Chosen by hardness for the model `\(hardness.model)`\n" }
    if let form {
      text += "- Form: \(form.format)\(form.order.map { ", \($0)" } ?? "")"
      text += form.base.map { ", for the base `\($0)`" } ?? ""
      text += form.tokenizerSHA256.map { ", tokenizer sha256 `\($0)`" } ?? ""
      text += "\n"
    }
    return text
  }

  private func section(_ name: String, _ split: CarvingReport.Split) -> String {
    let counts = split.statistics
    var text = "\n## \(name)\n\n\(counts.examples) examples from \(split.files) files; "
    text += "\(counts.prefixBytes) bytes of prefixes, \(counts.middleBytes) of middles, "
    text += "\(counts.suffixBytes) of suffixes, \(counts.contextBytes) of context.\n"
    text += Self.counts("Classes", "class", counts.classes, level: 3)
    text += Self.counts("Lines of the middle", "lines", counts.lengths, level: 3)
    let languages = counts.languages.mapValues { $0.values.reduce(0, +) }
    text += Self.counts("Languages", "language", languages, level: 3)
    text += Self.counts("Modifiers", "modifier", counts.modifiers, level: 3)
    text += Self.counts("Snippets by source", "source", counts.contextSources, level: 3)
    return text
  }

  private static func counts(
    _ title: String, _ column: String, _ counts: [String: Int], level: Int = 2
  ) -> String {
    let rows = counts.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    return table(title, [column, "count"], rows.map { [$0.key, "\($0.value)"] }, level: level)
  }

  private static func table(_ title: String, _ columns: [String], _ rows: [[String]], level: Int = 2)
    -> String
  {
    guard !rows.isEmpty else { return "" }
    func row(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }.joined(separator: " | ")
        + " |\n"
    }
    return "\n" + String(repeating: "#", count: level) + " \(title)\n\n" + row(columns)
      + row(columns.map { _ in "---" }) + rows.map(row).joined()
  }

  private static func percent(_ share: Double) -> String { "\((share * 1_000).rounded() / 10) %" }
}

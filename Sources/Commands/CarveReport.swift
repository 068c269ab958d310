import Carving
import Corpus
import Weights

/// What `gemfill carve` says about a corpus and its examples, for people and for machines.
struct CarveReport {
  let report: CarvingReport
  /// How a base chose among the training examples; nil where none was asked.
  let hardness: HardnessReport?
  /// Seconds of both passes.
  let seconds: Double
  /// Largest resident set of the process so far, in megabytes; nil where the system does not tell.
  let peakMegabytes: Int?

  private static let kinds = FIMExample.Kind.allCases

  /// Files that examples were cut from.
  var fileCount: Int { report.splits.values.reduce(0) { $0 + $1.files } }
  /// Bytes of these files.
  var byteCount: Int { report.splits.values.reduce(0) { $0 + $1.bytes } }
  /// Megabytes of source a second, both passes together.
  var megabytesPerSecond: Double { seconds > 0 ? Double(byteCount) / 1e6 / seconds : 0 }

  /// By split.
  var splits: [DataSplit: CarvingReport.Split] { report.splits }

  /// Counts over all splits.
  var total: ExampleStatistics { report.total }

  /// Files and bytes by language.
  private var languages: [(name: String, files: Int, bytes: Int)] {
    var sums: [String: (files: Int, bytes: Int)] = [:]
    for file in report.filesWithExamples {
      sums[file.language, default: (0, 0)].files += 1
      sums[file.language, default: (0, 0)].bytes += file.bytes
    }
    // A part of a file may be in another language than the file.
    for name in total.languages.keys where sums[name] == nil { sums[name] = (0, 0) }
    return sums.map { ($0.key, $0.value.files, $0.value.bytes) }.sorted { $0.name < $1.name }
  }
}

// MARK: - Tables

extension CarveReport {
  func print(to console: Console) {
    let total = total
    console.print(
      "\(Figures.count(fileCount, "file")), \(Figures.decimal(Double(byteCount) / 1e6, 2)) MB, "
        + "\(Figures.count(total.examples, "example")) in "
        + "\(Figures.decimal(seconds, 2)) s (\(Figures.decimal(megabytesPerSecond, 1)) MB/s; "
        + "\(Figures.count(report.parsedFiles, "file")) parsed, \(report.cachedFiles) known from before)")
    printLanguages(total, to: console)
    printLengths(total, to: console)
    let splits = splits
    if splits.count > 1 {
      table(
        "split", ["files", "kB", "examples"],
        DataSplit.allCases.compactMap { split in
          splits[split].map {
            [split.rawValue, "\($0.files)", "\($0.bytes / 1_000)", "\($0.statistics.examples)"]
          }
        }, to: console)
    }
    shares("modifier", total.modifiers, of: total.examples, to: console)
    printContext(total, to: console)
    printHardness(to: console)
    table(
      "licence", ["files", "kB"],
      report.licences.sorted { $0.key < $1.key }.map {
        [$0.key.printableName, "\($0.value.files)", "\($0.value.bytes / 1_000)"]
      }, to: console)
    counts("replaced secrets and personal data", report.secrets, to: console)
    counts("dropped candidates", named(report.drops), to: console)
    counts("left out because", named(report.skippedCounts), to: console)
  }

  private func printLanguages(_ total: ExampleStatistics, to console: Console) {
    let kinds = Self.kinds.filter { total.classes[$0.rawValue] != nil }
    let rows = languages.map { language in
      let own = total.languages[language.name] ?? [:]
      return [language.name, "\(language.files)", "\(language.bytes / 1_000)", "\(own.values.reduce(0, +))"]
        + kinds.map { "\(own[$0.rawValue] ?? 0)" }
    }
    let sum =
      ["all", "\(fileCount)", "\(byteCount / 1_000)", "\(total.examples)"]
      + kinds.map { Figures.share(total.classes[$0.rawValue] ?? 0, of: total.examples) }
    table("language", ["files", "kB", "examples"] + kinds.map(\.rawValue), rows + [sum], to: console)
  }

  private func printLengths(_ total: ExampleStatistics, to console: Console) {
    let groups = CarveStatistics.LineGroup.allCases.map(\.rawValue)
    func row(_ name: String, _ counts: [String: Int]) -> [String] {
      let sum = counts.values.reduce(0, +)
      return [name] + groups.map { Figures.share(counts[$0] ?? 0, of: sum) }
    }
    let byClass = Self.kinds.compactMap { kind in
      total.lengthsByClass[kind.rawValue].map { row("class " + kind.rawValue, $0) }
    }
    table("lines of the middle", groups, [row("all", total.lengths)] + byClass, to: console)
  }

  private func printContext(_ total: ExampleStatistics, to console: Console) {
    guard total.examples > 0, withContext(total) > 0 else { return }
    table(
      "pieces of other files", ["examples", "share"],
      total.contextCounts.sorted { $0.key < $1.key }.map {
        [$0.key, "\($0.value)", Figures.share($0.value, of: total.examples)]
      }, to: console)
    counts("chosen by", total.contextSources, to: console)
  }

  private func printHardness(to console: Console) {
    guard let counts = hardness?.counts else { return }
    table(
      "hardness for the base", ["found", "kept"],
      HardnessBand.allCases.map { band in
        let own = counts.values.compactMap { $0[band.rawValue] }
        return [
          band.rawValue, "\(own.reduce(0) { $0 + $1.found })", "\(own.reduce(0) { $0 + $1.kept })",
        ]
      }, to: console)
  }

  /// Examples with at least one piece of another file.
  private func withContext(_ total: ExampleStatistics) -> Int {
    total.examples - (total.contextCounts["0"] ?? 0)
  }

  private func table(_ title: String, _ columns: [String], _ rows: [[String]], to console: Console) {
    guard !rows.isEmpty else { return }
    console.print()
    console.table(
      [title] + columns, rows, alignment: [.left] + Array(repeating: .right, count: columns.count))
  }

  private func counts(_ title: String, _ counts: [String: Int], to console: Console) {
    let rows = counts.filter { $0.value > 0 }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    table(title, ["count"], rows.map { [$0.key, "\($0.value)"] }, to: console)
  }

  private func shares(_ title: String, _ counts: [String: Int], of whole: Int, to console: Console) {
    let rows = counts.filter { $0.value > 0 }.sorted { $0.key < $1.key }
    table(
      title, ["examples", "share"], rows.map { [$0.key, "\($0.value)", Figures.share($0.value, of: whole)] },
      to: console)
  }

  private func named<Name: RawRepresentable<String>>(_ counts: [Name: Int]) -> [String: Int] {
    Dictionary(counts.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: +)
  }
}

// MARK: - JSON

extension CarveReport {
  /// Counts and speed; the command adds what it was asked for.
  var json: JSONValue {
    let total = total
    return [
      "files": .int(fileCount), "bytes": .int(byteCount), "listed_paths": .int(report.listedPaths),
      "used_files": .int(report.usedFiles), "seconds": .double(seconds),
      "mb_per_second": .double(megabytesPerSecond), "peak_megabytes": peakMegabytes.map { .int($0) } ?? .null,
      "origins": .array(
        report.origins.map {
          ["path": .string($0.path), "commit": $0.commit.map { .string($0) } ?? .null]
        }),
      "examples": .int(total.examples), "by_class": Self.classes(total.classes),
      "by_language": .object(
        JSONObject(total.languages.sorted { $0.key < $1.key }.map { ($0.key, Self.classes($0.value)) })),
      "by_split": .object(
        JSONObject(
          DataSplit.allCases.compactMap { split in
            splits[split].map { (split.rawValue, .int($0.statistics.examples)) }
          })),
      "languages": .object(
        JSONObject(
          languages.map { ($0.name, ["files": .int($0.files), "bytes": .int($0.bytes)] as JSONValue) })),
      "lines": Self.counts(total.lengths),
      "lines_by_class": .object(
        JSONObject(total.lengthsByClass.sorted { $0.key < $1.key }.map { ($0.key, Self.counts($0.value)) })),
      "modifiers": Self.counts(total.modifiers), "context": context(total),
      "licences": .object(
        JSONObject(
          report.licences.sorted { $0.key < $1.key }.map {
            ($0.key, ["files": .int($0.value.files), "bytes": .int($0.value.bytes)] as JSONValue)
          })),
      "redactions": Self.counts(report.secrets), "dropped": Self.counts(named(report.drops)),
      "skipped": Self.counts(named(report.skippedCounts)), "copy_clusters": .int(report.copyClusters),
      "hardness": hardness.map { Self.hardness($0) } ?? .null,
      "cache": ["parsed": .int(report.parsedFiles), "reused": .int(report.cachedFiles)],
      "bytes_of": [
        "prefix": .int(total.prefixBytes), "middle": .int(total.middleBytes),
        "suffix": .int(total.suffixBytes), "context": .int(total.contextBytes),
      ],
    ]
  }

  private static func hardness(_ report: HardnessReport) -> JSONValue {
    .object(
      JSONObject(
        report.counts.sorted { $0.key < $1.key }.map { language, bands in
          let values = bands.sorted { $0.key < $1.key }.map { name, count in
            (name, ["found": .int(count.found), "kept": .int(count.kept)] as JSONValue)
          }
          return (language, .object(JSONObject(values)))
        }))
  }

  private func context(_ total: ExampleStatistics) -> JSONValue {
    [
      "examples": .int(withContext(total)), "by_source": Self.counts(total.contextSources),
      "by_count": Self.counts(total.contextCounts),
    ]
  }

  private static func counts(_ counts: [String: Int]) -> JSONValue {
    .object(JSONObject(counts.sorted { $0.key < $1.key }.map { ($0.key, .int($0.value)) }))
  }

  /// All classes, those of which there is none too.
  private static func classes(_ counts: [String: Int]) -> JSONValue {
    .object(JSONObject(kinds.map { ($0.rawValue, .int(counts[$0.rawValue] ?? 0)) }))
  }
}

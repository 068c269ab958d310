import Carving
import Corpus
import Foundation
import Weights

/// What `gemfill carve` says about a corpus and its examples.
struct CarveReport {
  let fileCount: Int
  let byteCount: Int
  let seconds: Double
  private let filesByLanguage: [String: (files: Int, bytes: Int)]
  private let skipped: [SkipReason: Int]
  private let counts: CarveStatistics

  private static let kinds = FIMExample.Kind.allCases.filter { $0 != .history }

  init(files: [SourceFile], listings: [CorpusListing], examples: [FIMExample], seconds: Double) {
    fileCount = files.count
    byteCount = files.reduce(0) { $0 + $1.bytes.count }
    self.seconds = seconds
    filesByLanguage = files.reduce(into: [:]) { sums, file in
      let old = sums[file.language] ?? (0, 0)
      sums[file.language] = (old.0 + 1, old.1 + file.bytes.count)
    }
    skipped = listings.reduce(into: [:]) { $0.merge($1.skipped, uniquingKeysWith: +) }
    counts = CarveStatistics(examples)
  }

  var megabytesPerSecond: Double { seconds > 0 ? Double(byteCount) / 1e6 / seconds : 0 }

  func print(to console: Console) {
    console.print(
      "\(fileCount) files, \(format(Double(byteCount) / 1e6, 2)) MB, \(counts.exampleCount) examples in "
        + "\(format(seconds, 2)) s (\(format(megabytesPerSecond, 1)) MB/s)")
    console.print()
    console.table(
      ["language", "files", "kB", "examples"] + Self.kinds.map(\.rawValue),
      languages.map { name in
        let files = filesByLanguage[name] ?? (0, 0)
        let kinds = counts.byLanguage[name] ?? [:]
        return [name, "\(files.files)", "\(files.bytes / 1_000)", "\(kinds.values.reduce(0, +))"]
          + Self.kinds.map { "\(kinds[$0] ?? 0)" }
      }
        + [
          ["all", "\(fileCount)", "\(byteCount / 1_000)", "\(counts.exampleCount)"]
            + Self.kinds.map { share(counts.byKind[$0] ?? 0, of: counts.exampleCount) }
        ],
      alignment: [.left] + Array(repeating: .right, count: 3 + Self.kinds.count))
    console.print()
    let holes = counts.byLines.values.reduce(0, +)
    console.table(
      ["lines of the middle"] + CarveStatistics.LineGroup.allCases.map(\.rawValue),
      [["share"] + CarveStatistics.LineGroup.allCases.map { share(counts.byLines[$0] ?? 0, of: holes) }],
      alignment: [.left] + Array(repeating: .right, count: CarveStatistics.LineGroup.allCases.count))
    guard !skipped.isEmpty else { return }
    console.print()
    console.table(
      ["left out because", "count"],
      skipped.sorted { $0.key < $1.key }.map { [$0.key.rawValue, "\($0.value)"] },
      alignment: [.left, .right])
  }

  func json(seed: UInt64, out: String?, preview: [FIMExample]) -> JSONValue {
    let kinds = { (kinds: [FIMExample.Kind: Int]) in
      JSONValue.object(JSONObject(Self.kinds.map { ($0.rawValue, .int(kinds[$0] ?? 0)) }))
    }
    return [
      "files": .int(fileCount), "bytes": .int(byteCount), "seconds": .double(seconds),
      "mb_per_second": .double(megabytesPerSecond), "seed": .int(Int(clamping: seed)),
      "out": out.map { .string($0) } ?? .null, "examples": .int(counts.exampleCount),
      "by_class": kinds(counts.byKind),
      "by_language": .object(JSONObject(languages.map { ($0, kinds(counts.byLanguage[$0] ?? [:])) })),
      "lines": .object(
        JSONObject(CarveStatistics.LineGroup.allCases.map { ($0.rawValue, .int(counts.byLines[$0] ?? 0)) })),
      "skipped": .object(
        JSONObject(skipped.sorted { $0.key < $1.key }.map { ($0.key.rawValue, .int($0.value)) })),
      "bytes_of": [
        "prefix": .int(counts.prefixBytes), "middle": .int(counts.middleBytes),
        "suffix": .int(counts.suffixBytes),
      ],
      "preview": .array(preview.map { Self.json($0) }),
    ]
  }

  private static func json(_ example: FIMExample) -> JSONValue {
    [
      "path": .string(example.path), "language": .string(example.language),
      "kind": .string(example.kind.rawValue),
      "nodePath": .string(example.nodePath), "windowStart": .int(example.windowStart),
      "middleStart": .int(example.middleStart), "middleEnd": .int(example.middleEnd),
      "prefix": .string(example.prefix),
      "middle": .string(example.middle), "suffix": .string(example.suffix),
    ]
  }

  private var languages: [String] { filesByLanguage.keys.sorted() }

  private func share(_ part: Int, of whole: Int) -> String {
    whole == 0 ? "-" : format(100 * Double(part) / Double(whole), 1) + " %"
  }

  private func format(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
}

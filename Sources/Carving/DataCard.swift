import Context
import Corpus
import Foundation

/// What a data set was made from and how: written beside it as JSON and as Markdown.
///
/// With it, and with the same tool, the set can be made again, as it is or without a file that must be unlearned: every
/// file that examples were cut from or show pieces of stands in it with its content hash. The card is a settings file
/// for `gemfill carve --weights`. Values of secrets and text of files stand nowhere in it.
public struct DataCard: Sendable, Codable, Equatable {
  /// Version of this form.
  public var version = 2
  /// What wrote the card.
  public var tool: String
  /// Arguments of the tool that write the same bytes where the origins' commits are at hand; an origin that was read from
  /// disk has to be checked out at its commit. Empty where it was not a command that wrote the set.
  public var rebuild: [String] = []
  /// Folders, or repositories with their commits.
  public var origins: [SourceOrigin]
  /// Times of the oldest and the newest last commit of the files (ISO 8601); nil where not known.
  public var oldestChange: String?
  /// See `oldestChange`.
  public var newestChange: String?
  /// Where test examples come from; nil for none.
  public var test: Test?
  /// Seed of all choices.
  public var seed: UInt64
  /// Epoch.
  public var epoch: Int
  /// SHA-256 of `settings`.
  public var settingsHash: String
  /// How holes are cut.
  public var settings: CarvingSettings
  /// How much context examples have; nil for none.
  public var context: ContextOptions?
  /// Licences whose files were refused.
  public var deniedLicences: [String]
  /// The languages that were taken; nil for all.
  public var languages: [String]?
  /// Files whose text no example may repeat.
  public var heldOutFiles: [CarvingRun.HeldOutFile]
  /// "I/N" for one of several parts.
  public var shard: String?
  /// Most training examples.
  public var limit: Int?
  /// How examples were chosen by their hardness; nil where they were not.
  public var hardness: HardnessReport?
  /// In what form examples were written.
  public var form: Form?
  /// Paths that were listed.
  public var listedPaths: Int
  /// Files that gave examples; of a test file its states count once.
  public var fileCount: Int
  /// Their bytes.
  public var bytes: Int
  /// Files that are used and gave no example in this epoch.
  public var filesWithoutExamples: Int
  /// Examples of all splits.
  public var exampleCount: Int
  /// By split.
  public var splits: [String: CarvingReport.Split]
  /// Paths that were left out, by reason.
  public var skipped: [String: Int]
  /// Candidates that were dropped, by reason.
  public var drops: [String: Int]
  /// By SPDX identifier; "none" where nothing names a licence, "unknown" where what names it is not known.
  public var licences: [String: Licence]
  /// Secrets and personal data that were replaced, by rule.
  public var secrets: [String: Int]
  /// Clusters of copies, of each of which one file was kept.
  public var copyClusters: Int
  /// Every file that examples were cut from or show pieces of, by its content hash.
  public var files: [CarvingReport.File]

  /// Files of a licence.
  public struct Licence: Sendable, Codable, Equatable {
    /// Number of files.
    public var files: Int
    /// Their bytes.
    public var bytes: Int
    /// Share of all bytes, 0 to 1.
    public var share: Double
  }

  /// Where test examples come from.
  public struct Test: Sendable, Codable, Equatable {
    /// The commit after which commits were tested on; nil for a release.
    public var after: String?
    /// The last of these commits; nil for a release.
    public var until: String?
    /// Their number; nil for a release.
    public var commits: Int?
    /// The newer release; nil for commits.
    public var release: SourceOrigin?

    init(_ source: TestSource, trained: SourceOrigin?) {
      switch source {
      case .history(_, let commits):
        after = trained?.commit
        until = commits.last?.id
        self.commits = commits.count
      case .release(let newer, _):
        release = newer.origin
      }
    }
  }

  /// How examples were written.
  public struct Form: Sendable, Codable, Equatable {
    /// "jsonl", "hf" or "tokens".
    public var format: String
    /// Order of prompts, where it is fixed.
    public var order: String?
    /// The base whose vocabulary was used, as it was named; nil for none.
    public var base: String?
    /// SHA-256 of its tokenizer.
    public var tokenizerSHA256: String?
    /// The marks of the prompt's parts.
    public var marks: String?
    /// What token shards say about how their numbers were made.
    public var recipe: [String: String]?

    /// Examples as they are.
    public init(format: String) { self.format = format }
  }

  /// The card of what a run wrote.
  ///
  /// - Parameter tool: name and version of the program.
  public init(_ report: CarvingReport, tool: String, form: Form? = nil, hardness: HardnessReport? = nil) {
    let run = report.run
    self.tool = tool
    self.form = form
    self.hardness = hardness
    origins = report.origins
    oldestChange = report.dates.map { Self.date($0.lowerBound) }
    newestChange = report.dates.map { Self.date($0.upperBound) }
    test = run.options.test.map { Test($0, trained: report.origins.first) }
    seed = run.options.seed
    epoch = report.epoch
    settings = run.settings
    settingsHash = run.settings.hash
    context = run.options.context
    deniedLicences = run.options.hygiene.deniedLicences.sorted()
    languages = run.options.selection.languages?.sorted()
    heldOutFiles = run.options.heldOutFiles
    shard = run.options.shard.map { "\($0.index + 1)/\($0.count)" }
    limit = run.options.limit
    listedPaths = report.listedPaths
    fileCount = report.splits.values.reduce(0) { $0 + $1.files }
    bytes = report.splits.values.reduce(0) { $0 + $1.bytes }
    filesWithoutExamples = report.files.count { $0.examples == 0 }
    exampleCount = report.total.examples
    splits = Self.named(report.splits)
    skipped = Self.named(report.skippedCounts)
    drops = Self.named(report.drops)
    let total = max(1, bytes)
    licences = report.licences.mapValues {
      Licence(files: $0.files, bytes: $0.bytes, share: Double($0.bytes) / Double(total))
    }
    secrets = report.secrets
    copyClusters = report.copyClusters
    files = report.contributors
  }

  /// The card as JSON, with sorted keys and one line for each file.
  ///
  /// Files are encoded one by one: there may be a hundred thousand, for which the encoder would need as much memory as
  /// all of carving.
  public var json: [UInt8] {
    var card = self
    card.files = []
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    // Names and numbers always have a text, in which a line break and two blanks begin the card's own keys alone.
    guard let text = try? encoder.encode(card), let key = text.range(of: Data("\n  \"files\" : [".utf8)),
      let close = text[key.upperBound...].firstIndex(of: UInt8(ascii: "]"))
    else { return [] }
    var bytes = Array(text[..<key.upperBound])
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    for (index, file) in files.enumerated() {
      bytes += (index == 0 ? "\n    " : ",\n    ").utf8
      bytes += (try? encoder.encode(file)) ?? Data()
    }
    bytes += "\n  ".utf8
    bytes += text[close...]
    bytes.append(0x0A)
    return bytes
  }

  private static func named<Key: RawRepresentable<String>, Value>(_ counts: [Key: Value]) -> [String: Value] {
    Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) })
  }

  private static func date(_ seconds: Int) -> String {
    Date(timeIntervalSince1970: Double(seconds)).ISO8601Format()
  }
}

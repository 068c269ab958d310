import Context
import Corpus
import Foundation

/// What a data set was made from and how: written beside it as JSON and as Markdown.
///
/// With it, and with the same tool, the set can be made again without a file that must be unlearned: every file that
/// gave examples stands in it with its content hash. Values of secrets and text of files stand nowhere in it.
public struct DataCard: Sendable, Codable, Equatable {
  /// Version of this form.
  public var version = 1
  /// What wrote the card.
  public var tool: String
  /// Folders, or repositories with their commits.
  public var origins: [SourceOrigin]
  /// Times of the oldest and the newest last commit of the files (ISO 8601); nil where not known.
  public var oldestChange: String?
  /// See `oldestChange`.
  public var newestChange: String?
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
  /// "I/N" for one of several parts.
  public var shard: String?
  /// Most training and validation examples.
  public var limit: Int?
  /// Paths that were listed.
  public var listedPaths: Int
  /// Files that gave examples.
  public var fileCount: Int
  /// Their bytes.
  public var bytes: Int
  /// Examples of all splits.
  public var exampleCount: Int
  /// By split.
  public var splits: [String: CarvingReport.Split]
  /// Paths that were left out, by reason.
  public var skipped: [String: Int]
  /// Candidates that were dropped, by reason.
  public var drops: [String: Int]
  /// By SPDX identifier; "none" without a notice, "unknown" where the notice names none.
  public var licences: [String: Licence]
  /// Secrets and personal data that were replaced, by rule.
  public var secrets: [String: Int]
  /// Clusters of copies, of each of which one file was kept.
  public var copyClusters: Int
  /// Every file that gave examples, by its content hash.
  public var files: [CarvingReport.File]
  /// What token shards were made with; nil for text.
  public var tokens: Tokens?

  /// Files of a licence.
  public struct Licence: Sendable, Codable, Equatable {
    /// Number of files.
    public var files: Int
    /// Their bytes.
    public var bytes: Int
    /// Share of all bytes, 0 to 1.
    public var share: Double
  }

  /// How examples became tokens.
  public struct Tokens: Sendable, Codable, Equatable {
    /// SHA-256 of the tokenizer.
    public var tokenizerSHA256: String
    /// Name of the prompt format.
    public var format: String

    /// Creates a record.
    public init(tokenizerSHA256: String, format: String) {
      self.tokenizerSHA256 = tokenizerSHA256
      self.format = format
    }
  }

  /// The card of what a run wrote.
  ///
  /// - Parameter tool: name and version of the program.
  public init(_ report: CarvingReport, tool: String, tokens: Tokens? = nil) {
    let run = report.run
    self.tool = tool
    self.tokens = tokens
    origins = report.origins
    oldestChange = report.dates.map { Self.date($0.lowerBound) }
    newestChange = report.dates.map { Self.date($0.upperBound) }
    seed = run.options.seed
    epoch = report.epoch
    settings = run.settings
    settingsHash = run.settings.hash
    context = run.options.context
    deniedLicences = run.options.hygiene.deniedLicences.sorted()
    shard = run.options.shard.map { "\($0.index + 1)/\($0.count)" }
    limit = run.options.limit
    listedPaths = report.listedPaths
    fileCount = report.files.count
    bytes = report.files.reduce(0) { $0 + $1.bytes }
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
    files = report.files
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

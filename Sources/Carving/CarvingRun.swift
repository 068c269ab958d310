import Context
import Corpus
import Foundation
import Syntax

/// Carves the examples of whole repositories, in two passes that never hold all files.
///
/// The first pass reads each file once, cleans it, parses it once and keeps a small survey: where its holes are, a
/// fingerprint, what other files need to know about it. Over all surveys, copies are found and files given to splits.
/// The second pass reads the files that are used again, in the order of their content hashes, and cuts the texts.
///
/// The same trees, settings, seed and epoch give the same bytes, at any number of threads and with any cache.
public struct CarvingRun: Sendable {
  /// Everything but the settings of the sampler.
  public struct Options: Sendable {
    /// Same seed, same examples.
    public var seed: UInt64 = 1
    /// Threads; nil for all cores. The result does not depend on it.
    public var threads: Int?
    /// A contiguous part of the hash space; nil for all.
    public var shard: Shard?
    /// At most this many training examples of all shards together, chosen by their hashes. Validation examples are thinned
    /// in the same proportion; test examples are not.
    public var limit: Int?
    /// Whether 5 % of the files are held out for validation.
    public var holdsOutValidation = false
    /// Where test examples come from; nil for none.
    public var test: TestSource?
    /// Which languages are taken.
    public var selection = RepositoryWalker.Options()
    /// Limits of hygiene.
    public var hygiene = HygieneOptions()
    /// How examples get context from other files; nil for none.
    public var context: ContextOptions? = ContextOptions()
    /// Held-out text that no example may repeat.
    public var decontamination: Decontaminator?
    /// The files that `decontamination` was made from, for the data card.
    public var heldOutFiles: [HeldOutFile] = []
    /// Where surveys are kept for the next run; nil for nowhere.
    public var cachePath: String?
    /// The cache's oldest entries are dropped when it holds more than this.
    public var cacheBytes = 1 << 30
    /// Milliseconds that one file may be parsed for; a longer time is a reason to leave it out. Long, so that no load
    /// of the machine changes what is carved.
    public var parseTimeoutMs = 60_000

    /// The defaults.
    public init() {}
  }

  /// A file of held-out text.
  public struct HeldOutFile: Sendable, Codable, Equatable {
    /// Where it was read.
    public let path: String
    /// SHA-256 of its bytes.
    public let hash: ContentHash
    /// How many they are.
    public let bytes: Int

    /// Records a file.
    public init(path: String, hash: ContentHash, bytes: Int) {
      self.path = path
      self.hash = hash
      self.bytes = bytes
    }
  }

  /// One of several parts of a data set; parts follow each other in the order of the content hashes.
  public struct Shard: Sendable, Equatable {
    /// Which part, from 0.
    public let index: Int
    /// Number of parts.
    public let count: Int

    /// Names a part; nil unless 0 ≤ `index` < `count`.
    public init?(index: Int, count: Int) {
      guard count > 0, index >= 0, index < count else { return nil }
      self.index = index
      self.count = count
    }

    func holds(_ hash: ContentHash) -> Bool { hash.isInShard(index: index, of: count) }
  }

  let trees: [any SourceTree]
  let settings: CarvingSettings
  let options: Options
  let catalog: LanguageCatalog

  /// A run over trees; of copies in two trees the one in the later tree is kept.
  public init(
    trees: [any SourceTree], settings: CarvingSettings = .measured, options: Options = Options(),
    catalog: LanguageCatalog
  ) {
    self.trees = trees
    self.settings = settings
    self.options = options
    self.catalog = catalog
  }

  /// How far a run is.
  public enum Progress: Sendable, Equatable {
    /// Files read and parsed, of all files.
    case surveying(Int, of: Int)
    /// Copies are looked for.
    case comparing
    /// Files whose examples are written, of all files that are used.
    case writing(Int, of: Int)
  }

  /// The first pass, for one epoch. Uses all cores and blocks.
  ///
  /// - Parameter progress: called now and then, from one thread at a time.
  /// - Throws: `CorpusError.noSource` when no file may be used, `CancellationError` when the caller's task was cancelled.
  public func survey(
    epoch: Int = 0, progress: (@Sendable (Progress) -> Void)? = nil
  ) throws -> SurveyedCorpus {
    try SurveyedCorpus(run: self, epoch: epoch, progress: progress)
  }

  /// Both passes: writes the examples of an epoch in the order of their files' content hashes. Uses all cores and blocks.
  ///
  /// - Returns: what was written and what was left out, for the data card.
  /// - Throws: as `survey`, and what the outputs throw; then no output has appeared.
  @discardableResult
  public func write(
    epoch: Int = 0, to outputs: [CarvingOutput], progress: (@Sendable (Progress) -> Void)? = nil
  ) throws -> CarvingReport {
    try survey(epoch: epoch, progress: progress).write(to: outputs, progress: progress)
  }

  /// The training examples of an epoch, in memory: for corpora that a model can be trained on here.
  public func examples(epoch: Int, split: DataSplit = .train) throws -> [FIMExample] {
    let list = ExampleList()
    try write(epoch: epoch, to: [CarvingOutput(split, list)])
    return list.examples
  }

  /// What became of every part of one file.
  ///
  /// - Throws: as `survey`.
  public func explain(_ path: String, epoch: Int = 0) throws -> FileExplanation {
    try survey(epoch: epoch).explain(path)
  }
}

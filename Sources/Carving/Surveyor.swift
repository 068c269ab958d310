import Context
import Corpus
import Foundation
import Syntax

/// The first pass over one file: read, clean, parse once, and draw everything from the trees.
struct Surveyor: Sendable {
  let run: CarvingRun
  let epoch: Int
  let cache: SurveyCache?
  private let hygiene: FileHygiene
  /// Everything besides the file that its survey depends on.
  private let recipe: String

  init(run: CarvingRun, epoch: Int, cache: SurveyCache?) {
    self.run = run
    self.epoch = epoch
    self.cache = cache
    hygiene = FileHygiene(catalog: run.catalog, options: run.options.hygiene)
    recipe = [
      "\(SurveyOutcome.version)", run.settings.hash, "\(run.options.seed)", "\(epoch)",
      run.options.hygiene.recipe,
      run.catalog.names.map { "\($0) \(run.catalog.stamp(of: $0))" }.joined(separator: ","),
      "\(run.options.parseTimeoutMs)",
      Self.program,
    ].joined(separator: "\u{0}")
  }

  /// Another build may have other rules: what one found is not believed by the other.
  private static let program: String = {
    var status = stat()
    guard stat("/proc/self/exe", &status) == 0 else { return "" }
    return "\(status.st_size) \(status.st_mtim.tv_sec) \(status.st_mtim.tv_nsec) \(status.st_ino)"
  }()

  /// What the first pass found about a file, and what of it is new to the cache.
  struct Finding: Sendable {
    let outcome: SurveyOutcome
    /// What the cache is to keep; nil when it has it, and without a cache.
    let packed: [UInt8]?
    /// What the spool is to keep; nil for a file that is left out.
    let record: [UInt8]?
    /// Under what the cache knows the file; nil without a cache.
    let key: ContentHash?
    let isCached: Bool
    let isParsed: Bool
  }

  /// What is found about a file. The cache keeps what the file itself says, whatever licence holds in its tree.
  func survey(_ entry: SourceEntry, in tree: any SourceTree) -> Finding {
    let found = look(at: entry, in: tree)
    guard case .surveyed(let survey) = found.outcome,
      let fault = tree.licences.fault(
        of: entry.path, own: survey.head.licenceName, denied: run.options.hygiene.deniedLicences)
    else { return found }
    return Finding(
      outcome: .skipped(survey.head.hash, fault), packed: found.packed, record: nil, key: found.key,
      isCached: found.isCached, isParsed: found.isParsed)
  }

  private func look(at entry: SourceEntry, in tree: any SourceTree) -> Finding {
    // A blob's name says what is in it without reading it.
    if let object = entry.object, let known = cached(key("git " + object, entry.path)) { return known }
    let bytes: [UInt8]
    switch tree.read(entry) {
    case .success(let read): bytes = read
    case .failure(let skipped): return finding(.skipped(nil, skipped), key: nil)
    }
    let hash = ContentHash(bytes)
    var key = entry.object.flatMap { self.key("git " + $0, entry.path) }
    if key == nil {
      key = self.key("sha " + hash.hex, entry.path)
      if let known = cached(key) { return known }
    }
    let outcome = survey(entry.path, bytes: bytes, hash: hash)
    // On a less busy machine there may be time enough.
    if case .skipped(_, let skipped) = outcome, skipped.reason == .parseTimeout { key = nil }
    return finding(outcome, key: key)
  }

  /// What is found in bytes that were just read.
  func survey(_ path: String, bytes: [UInt8], hash: ContentHash) -> SurveyOutcome {
    let file: SourceFile
    switch clean(path, bytes: bytes) {
    case .success(let cleaned): file = cleaned
    case .failure(let skipped): return .skipped(hash, skipped)
    }
    let parsed = parse(file)
    if case .timedOut = parsed {
      return .skipped(
        hash,
        SkippedFile(
          .parseTimeout,
          "the parser gave up: more than \(run.options.parseTimeoutMs) ms, or errors without end"))
    }
    let carving = carve(file, parts: parsed.parts, hash: hash)
    let middles = carving.holes.map { DuplicateMiddles.hash(of: file.bytes[$0.middle]) }
    let shingles = Shingles(file)
    let functions = parsed.parts.flatMap { FunctionFingerprint.all(in: $0.tree, of: shingles) }
    return .surveyed(
      FileSurvey(
        head: Self.head(of: file, raw: bytes, hash: hash),
        cuts: FileSurvey.Cuts(holes: carving.holes, middles: middles, drops: carving.dropCounts),
        functions: functions,
        facts: FileFacts(
          path: path, source: file.bytes, parts: parsed.parts, notice: file.licence?.range),
        fingerprint: Fingerprint(shingles)))
  }

  /// The trees of a file's parts.
  func parse(_ file: SourceFile) -> ParsedFile {
    run.catalog.parse(file.bytes, language: file.language, timeoutMs: run.options.parseTimeoutMs)
  }

  /// The file as examples may show it.
  func clean(_ path: String, bytes: [UInt8]) -> Result<SourceFile, SkippedFile> {
    hygiene.clean(path: path, bytes: bytes).flatMap { file in
      run.options.selection.fault(language: file.language).map { .failure($0) } ?? .success(file)
    }
  }

  /// Holes by the file's own random numbers: its name plays no part in them.
  func carve(
    _ file: SourceFile, parts: [ParsedPart], hash: ContentHash, explains: Bool = false
  ) -> FileCarving {
    let seed = Stamp.mix(run.options.seed, UInt64(truncatingIfNeeded: epoch), hash.prefix)
    var carver = FileCarver(
      file: file, parts: parts, settings: run.settings, seed: seed, explains: explains)
    return carver.carve()
  }

  private static func head(of file: SourceFile, raw: [UInt8], hash: ContentHash) -> FileSurvey.Head {
    FileSurvey.Head(
      hash: hash, language: file.language, byteCount: file.bytes.count, stamp: Stamp.of(file.bytes),
      patches: file.redactions.map { .init(redaction: $0, placeholder: Array(file.bytes[$0.range])) },
      licence: file.licence)
  }

  // MARK: Cache

  private func key(_ identity: String, _ path: String) -> ContentHash? {
    guard cache != nil else { return nil }
    return ContentHash(Array("\(identity)\u{0}\(path)\u{0}\(selection)\u{0}\(recipe)".utf8))
  }

  /// Files of other languages are skipped with a reason, so that the choice is part of what was found.
  private var selection: String {
    let languages = run.options.selection.languages.map { $0.sorted().joined(separator: ",") } ?? "*"
    return "\(languages) \(run.options.selection.includesText)"
  }

  private func cached(_ key: ContentHash?) -> Finding? {
    guard let key, let cache, let packed = cache.value(for: key), let outcome = SurveyOutcome(packed: packed)
    else { return nil }
    return Finding(
      outcome: outcome, packed: nil, record: Self.record(of: outcome), key: key, isCached: true,
      isParsed: false)
  }

  private static func record(of outcome: SurveyOutcome) -> [UInt8]? {
    if case .surveyed(let survey) = outcome { SurveyRecord.pack(survey) } else { nil }
  }

  private func finding(_ outcome: SurveyOutcome, key: ContentHash?) -> Finding {
    let record = Self.record(of: outcome)
    return Finding(
      outcome: outcome, packed: key == nil ? nil : outcome.packed, record: record, key: key, isCached: false,
      isParsed: record != nil)
  }
}

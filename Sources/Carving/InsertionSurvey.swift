import Corpus
import Foundation
import Synchronization
import Syntax

/// What a run of commits inserted, judged, and what was left out of the judgement.
public struct InsertionSurvey: Sendable, Equatable, Codable {
  /// Number of commits looked at.
  public var commits = 0
  /// The oldest and the newest of them; empty when there is none.
  public var first = ""
  /// The newest commit.
  public var last = ""
  /// Number of changed files looked at.
  public var files = 0
  /// Judged insertions of whole lines.
  public var lineInsertions = 0
  /// Judged edits within a line.
  public var inLineEdits = 0
  /// The judged insertions.
  public var histogram = InsertionHistogram()
  /// Changed files that were left out, by reason.
  public var skippedFiles: [String: Int] = [:]
  /// Insertions that were left out, by reason.
  public var skippedInsertions: [String: Int] = [:]

  /// Surveys commits, oldest first. Uses all cores; returns early, with what is done, when the task is cancelled.
  ///
  /// The same edit in several places of one commit, such as a renaming, is one decision and counts once. Text that the
  /// carver does not cut out counts apart: what is longer than the settings allow, comments, and insides of strings.
  ///
  /// - Parameters:
  ///   - hygiene: what keeps files out, such as denied licences.
  ///   - progress: called now and then with the number of files done.
  /// - Throws: `CorpusError` when git refuses.
  public init(
    of commits: [GitHistory.Commit], in history: GitHistory, settings: CarvingSettings,
    catalog: LanguageCatalog, hygiene: HygieneOptions = HygieneOptions(),
    progress: ((Int) -> Void)? = nil
  ) throws(CorpusError) {
    self.commits = commits.count
    first = commits.first?.id ?? ""
    last = commits.last?.id ?? ""
    let changes = try history.fileChanges(in: commits, catalog: catalog)
    files = changes.all.count
    for (reason, count) in changes.skipped { skippedFiles[reason.rawValue] = count }
    let judge = ChangeJudge(
      settings: settings, catalog: catalog, hygiene: FileHygiene(catalog: catalog, options: hygiene))
    var commit = ""
    var seen: Set<[UInt8]> = []
    for start in stride(from: 0, to: changes.all.count, by: Self.batch) {
      if Task.isCancelled { break }
      let batch = Array(changes.all[start..<min(changes.all.count, start + Self.batch)])
      for (change, answer) in zip(batch, judge.judge(batch, changes)) {
        if change.commit != commit {
          commit = change.commit
          seen = []
        }
        add(answer, seen: &seen)
      }
      progress?(start + batch.count)
    }
  }

  private static let batch = 128

  private mutating func add(_ answer: ChangeJudge.Answer, seen: inout Set<[UInt8]>) {
    switch answer {
    case .skipped(let reason): skippedFiles[reason, default: 0] += 1
    case .insertions(let found):
      for insertion in found {
        guard seen.insert(insertion.key).inserted else {
          skippedInsertions["repeated", default: 0] += 1
          continue
        }
        switch insertion.verdict {
        case .dropped(let reason): skippedInsertions[reason, default: 0] += 1
        case .judged(let judged):
          if insertion.kind == .lines { lineInsertions += 1 } else { inLineEdits += 1 }
          histogram.add(judged)
        }
      }
    }
  }
}

/// Judges what a commit did to files; from many threads.
struct ChangeJudge: Sendable {
  let settings: CarvingSettings
  let catalog: LanguageCatalog
  private let hygiene: FileHygiene

  /// What became of one changed file.
  enum Answer: Sendable {
    case skipped(String)
    case insertions([Insertion])
  }

  /// One insertion of a file.
  struct Insertion: Sendable {
    enum Verdict: Sendable {
      case judged(InsertionClass)
      case dropped(String)
    }

    let kind: TextEdit.Kind
    /// What was removed and what was inserted; equal for the same edit elsewhere.
    let key: [UInt8]
    let verdict: Verdict
  }

  private static let parseTimeoutMs = 20_000

  init(settings: CarvingSettings, catalog: LanguageCatalog, hygiene: FileHygiene) {
    self.settings = settings
    self.catalog = catalog
    self.hygiene = hygiene
  }

  /// The answers, in the order of the changes.
  func judge(_ changes: [FileChange], _ source: FileChanges) -> [Answer] {
    let answers = Mutex([Answer](repeating: .skipped("cancelled"), count: changes.count))
    DispatchQueue.concurrentPerform(iterations: changes.count) { index in
      let answer = judge(changes[index], source)
      answers.withLock { $0[index] = answer }
    }
    return answers.withLock { $0 }
  }

  private func judge(_ change: FileChange, _ source: FileChanges) -> Answer {
    guard let contents = source.contents(of: change) else { return .skipped("missing") }
    switch hygiene.clean(path: change.path, bytes: contents.new) {
    case .failure(let skipped): return .skipped(skipped.reason.rawValue)
    case .success(let file):
      guard file.bytes.count == contents.new.count else { return .skipped("changed") }
      let parts = catalog.parse(file.bytes, language: file.language, timeoutMs: Self.parseTimeoutMs).parts
      guard !parts.isEmpty else { return .skipped("no-grammar") }
      let lines = LineIndex(file.bytes)
      let sketch = Sketch(parts: parts, source: file.bytes, lines: lines, settings: settings)
      return .insertions(
        TextEdit.between(old: contents.old, new: contents.new).map { edit in
          Insertion(
            kind: edit.kind, key: edit.replaced + [0] + contents.new[edit.range],
            verdict: verdict(on: edit, file: file, parts: parts, lines: lines, sketch: sketch))
        })
    }
  }

  private func verdict(
    on edit: TextEdit, file: SourceFile, parts: [ParsedPart], lines: LineIndex, sketch: Sketch
  ) -> Insertion.Verdict {
    let visible = Blanks.trimmed(edit.range, of: file.bytes)
    guard !visible.isEmpty else { return .dropped("blank") }
    if sketch.isCommentary(visible, source: file.bytes, lines: lines) {
      return .dropped(DropReason.comment.rawValue)
    }
    if sketch.isInString(visible) { return .dropped(DropReason.string.rawValue) }
    let judged = ([edit.range] + edit.alternatives).lazy.compactMap { range in
      parts.last { $0.range.lowerBound <= range.lowerBound && $0.owns(range) }
        .flatMap { InsertionClass.classify(range, in: $0, source: file.bytes, lines: lines) }
    }
    // Where the comparison leaves a choice, the reading that fits the syntax best was typed.
    var best: InsertionClass?
    for candidate in judged {
      if best.map({ candidate.rank < $0.rank }) ?? true { best = candidate }
      if let best, best.rank == 0 { break }
    }
    guard let best else { return .dropped(DropReason.otherLanguage.rawValue) }
    guard best.length != .beyond, visible.count <= settings.caps.blockBytes else {
      return .dropped(DropReason.tooLong.rawValue)
    }
    return .judged(best)
  }
}

extension InsertionClass {
  /// 0 for what fits the syntax best.
  fileprivate var rank: Int {
    let fit: Int =
      switch alignment {
      case .node, .run: 0
      case .oneSide: 2
      case .none: 4
      }
    return fit + (cursor == .insideWord ? 1 : 0)
  }
}

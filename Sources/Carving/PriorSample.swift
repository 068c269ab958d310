import Corpus
import Foundation
import Synchronization
import Syntax

/// Some files of a commit, parsed, to be carved again and again with other settings.
struct PriorSample: Sendable {
  private struct Parsed: Sendable {
    let file: SourceFile
    let parts: [ParsedPart]
    let lines: LineIndex
  }

  /// A carved hole: what was drawn, and what it is judged to be.
  struct Outcome: Sendable {
    let kind: FIMExample.Kind
    let drawn: HoleLength
    let judged: InsertionClass
    let isMidToken: Bool
  }

  private let files: [Parsed]
  private let seed: UInt64
  private static let parseTimeoutMs = 20_000

  /// Reads files in an order that the seed decides, until there are `bytes` of them.
  ///
  /// - Throws: `CorpusError` when the commit cannot be listed.
  init(
    history: GitHistory, commit: String, bytes: Int, seed: UInt64, catalog: LanguageCatalog,
    hygiene options: HygieneOptions = HygieneOptions()
  ) throws(CorpusError) {
    let tree = try history.tree(of: commit, catalog: catalog)
    let hygiene = FileHygiene(catalog: catalog, options: options)
    var generator = SeededGenerator(seed: seed)
    var found: [Parsed] = []
    var size = 0
    for entry in tree.entries.shuffled(using: &generator) where size < bytes {
      if Task.isCancelled { break }
      guard case .success(let raw) = tree.read(entry),
        case .success(let file) = hygiene.clean(path: entry.path, bytes: raw)
      else { continue }
      let parts = catalog.parse(file.bytes, language: file.language, timeoutMs: Self.parseTimeoutMs).parts
      guard !parts.isEmpty else { continue }
      size += file.bytes.count
      found.append(Parsed(file: file, parts: parts, lines: LineIndex(file.bytes)))
    }
    files = found
    self.seed = seed
  }

  /// For tests: files that are at hand.
  init(files: [SourceFile], seed: UInt64, catalog: LanguageCatalog) {
    self.files = files.map { file in
      Parsed(
        file: file,
        parts: catalog.parse(file.bytes, language: file.language, timeoutMs: Self.parseTimeoutMs).parts,
        lines: LineIndex(file.bytes))
    }
    self.seed = seed
  }

  /// Carves all files, as often as it takes for about `wanted` holes, but not more than forty times.
  func carve(with settings: CarvingSettings, wanted: Int = 6_000) -> [Outcome] {
    var settings = settings
    settings.plainShare = 0
    var found: [Outcome] = []
    for epoch in 0..<40 where found.count < wanted && !Task.isCancelled {
      let carved = carve(with: settings, epoch: epoch)
      if carved.isEmpty { break }
      found += carved
    }
    return found
  }

  private func carve(with settings: CarvingSettings, epoch: Int) -> [Outcome] {
    let results = Mutex([[Outcome]](repeating: [], count: files.count))
    DispatchQueue.concurrentPerform(iterations: files.count) { index in
      var generator = SeededGenerator(seed: seed, path: files[index].file.path, epoch: epoch)
      let found = Self.carve(files[index], settings, seed: generator.next())
      results.withLock { $0[index] = found }
    }
    return results.withLock { $0.flatMap { $0 } }
  }

  private static func carve(_ parsed: Parsed, _ settings: CarvingSettings, seed: UInt64) -> [Outcome] {
    var carver = FileCarver(file: parsed.file, parts: parsed.parts, settings: settings, seed: seed)
    let holes = carver.carve().holes
    return zip(holes, carver.drawnLengths).compactMap { hole, drawn in
      guard
        let part = parsed.parts.last(where: {
          $0.range.lowerBound <= hole.middle.lowerBound && $0.owns(hole.middle)
        }),
        let judged = InsertionClass.classify(
          hole.middle, in: part, source: parsed.file.bytes, lines: parsed.lines)
      else { return nil }
      return Outcome(
        kind: hole.kind, drawn: drawn, judged: judged, isMidToken: hole.modifiers.contains(.midToken))
    }
  }

  /// What the carver cuts with some settings, judged.
  func histogram(with settings: CarvingSettings) -> InsertionHistogram {
    var histogram = InsertionHistogram()
    for outcome in carve(with: settings) where outcome.judged.length != .beyond {
      histogram.add(outcome.judged)
    }
    return histogram
  }
}

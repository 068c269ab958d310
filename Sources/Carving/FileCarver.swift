import Corpus
import Syntax

/// Cuts the holes of one file. For one thread.
///
/// The holes depend on the file's bytes, the settings and the seed, on nothing else.
public struct FileCarver {
  let file: SourceFile
  let sampler: HoleSampler
  let settings: CarvingSettings
  private let weight: Double
  private let explains: Bool
  /// Windows begin here or later: behind the byte order mark and the licence notice.
  let lowest: Int
  let redactions: [Range<Int>]
  /// Between the cells of a notebook.
  let borders: [Range<Int>]
  var generator: SeededGenerator
  private var taken: Set<Range<Int>> = []
  private var drops: [DropReason: Int] = [:]
  private var dropped: [FileCarving.Dropped] = []
  /// For each hole the length that was drawn for it: modifiers may make the middle shorter.
  private(set) var drawnLengths: [HoleLength] = []
  /// Holes that were to begin inside a word but could not; the next that can does.
  var owedMidTokens = 0

  private static let windowsPerLength = 5
  private static let lengthsPerClass = 3
  private static let classesPerHole = 3
  /// Long enough that no load of the machine changes what is carved.
  public static let parseTimeoutMs = 120_000

  /// Prepares to carve.
  ///
  /// - Parameters:
  ///   - parts: the file, parsed; empty to carve by indentation.
  ///   - seed: already mixed from the run's seed, the epoch and the file's contents.
  ///   - weight: scales the number of examples, as for old files and for tests.
  ///   - explains: whether `FileCarving.dropped` is wanted.
  public init(
    file: SourceFile, parts: [ParsedPart], settings: CarvingSettings, seed: UInt64, weight: Double = 1,
    explains: Bool = false
  ) {
    self.file = file
    self.settings = settings
    self.weight = weight
    self.explains = explains
    sampler = HoleSampler(source: file.bytes, parts: parts, settings: settings)
    redactions = file.redactions.map(\.range)
    borders = Notebook.isOne(file.path) ? Notebook.borders(in: file.bytes) : []
    generator = SeededGenerator(seed: seed)
    let markEnd = file.bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    lowest = min(file.bytes.count, max(markEnd, file.licence?.range.upperBound ?? 0))
  }

  /// As many holes as the file is worth.
  public mutating func carve() -> FileCarving {
    let exact = Double(settings.exampleCount(bytes: file.bytes.count - lowest)) * max(0, weight)
    let count = Int(exact) + (generator.chance(exact - exact.rounded(.down)) ? 1 : 0)
    noteTainted()
    let holes = (0..<count).compactMap { _ in hole() }
    return FileCarving(holes: holes, drops: drops, dropped: dropped)
  }

  /// One hole of a class drawn by its share; of another class where the file has none of it.
  private mutating func hole() -> CarvedHole? {
    let shares = settings.shares
    let kinds = CarvingSettings.classes + [.plain]
    var weights = kinds.map { shares[$0] ?? 0 }
    for _ in 0..<Self.classesPerHole {
      guard let index = generator.index(weights: weights) else { return nil }
      if let found = kinds[index] == .plain ? plain() : hole(kinds[index]) { return found }
      weights[index] = 0
    }
    return nil
  }

  /// One hole of a class: a length drawn by its share, then a window, then a hole in it.
  private mutating func hole(_ kind: FIMExample.Kind) -> CarvedHole? {
    var shares = kind == .empty ? [1] : settings.shares(of: kind)
    for _ in 0..<Self.lengthsPerClass {
      guard let index = generator.index(weights: shares) else { return nil }
      let length = HoleLength.carved[index]
      shares[index] = 0
      guard sampler.mayHold(kind, length) else { continue }
      for attempt in 0..<Self.windowsPerLength {
        if let found = hole(kind, length, isAnchored: attempt >= 2 || kind == .import) { return found }
      }
    }
    return nil
  }

  /// - Parameter isAnchored: whether the window is laid around a place where such a hole may begin.
  private mutating func hole(
    _ kind: FIMExample.Kind, _ length: HoleLength, isAnchored: Bool
  ) -> CarvedHole? {
    let size =
      generator.chance(0.6)
      ? settings.windowBytes : generator.logUniform(min(300, settings.windowBytes)...settings.windowBytes)
    let anchor = isAnchored ? sampler.anchor(kind, length, using: &generator) : nil
    var window = self.window(ofSize: size, around: anchor)
    guard window.count >= 16, var hole = sampler.draw(kind, length, in: window, using: &generator) else {
      note(.noCandidate, window)
      return nil
    }
    let owed = owedMidTokens
    applyMidToken(&hole, kind: kind)
    if let fault = fault(of: hole, kind: kind) {
      owedMidTokens = owed
      note(fault, hole.middle)
      return nil
    }
    guard taken.insert(hole.middle).inserted else {
      owedMidTokens = owed
      note(.repeated, hole.middle)
      return nil
    }
    trimSuffix(&window, hole: &hole, kind: kind)
    drawnLengths.append(length)
    let part = sampler.parts.indices.contains(hole.part) ? sampler.parts[hole.part] : nil
    return CarvedHole(
      kind: kind, window: window, middle: hole.middle, unit: hole.unit,
      modifiers: FIMExample.Modifier.allCases.filter(hole.modifiers.contains),
      nodePath: hole.node.flatMap { part?.tree[$0].path } ?? "",
      language: part?.language.name ?? file.language)
  }

  private mutating func plain() -> CarvedHole? {
    for _ in 0..<Self.windowsPerLength {
      let window = self.window(ofSize: settings.windowBytes, around: nil)
      guard window.count >= 40 else { return nil }
      guard !redactions.overlap(window) else {
        note(.secret, window)
        continue
      }
      guard taken.insert(window).inserted else { continue }
      drawnLengths.append(.beyond)
      return CarvedHole(
        kind: .plain, window: window, middle: window, unit: window, nodePath: "", language: file.language)
    }
    return nil
  }

  // MARK: Windows

  /// A run of whole lines of about `size` bytes, anywhere or around a place; all lines when they are fewer.
  private mutating func window(ofSize size: Int, around anchor: Int?) -> Range<Int> {
    let lines = sampler.lines
    let total = file.bytes.count
    guard total - lowest > size else { return lowest..<total }
    let lowestLine = lines.line(at: lowest)
    let firstLine =
      lines.starts[lowestLine] == lowest || lowest == 3 ? lowestLine : min(lowestLine + 1, lines.count - 1)
    var line: Int
    if let anchor {
      let before = Int(Double(size) * (0.2 + 0.6 * generator.unit()))
      line = max(firstLine, lines.line(at: max(0, anchor - before)))
      line = min(line, max(firstLine, lines.line(at: anchor)))
    } else {
      // The last window begins where the rest of the file still fills half of it.
      let last = max(firstLine, lines.line(at: max(0, total - size / 2)))
      line = firstLine + generator.below(last - firstLine + 1)
    }
    let start = max(lowest, lines.starts[line])
    guard total - start > size else { return start..<total }
    let end = lines.starts[lines.line(at: start + size)]
    return start..<(end > start ? end : characterBorder(start + size))
  }

  private func characterBorder(_ offset: Int) -> Int {
    var place = min(offset, file.bytes.count)
    while place < file.bytes.count, !Blanks.startsCharacter(file.bytes[place]) { place += 1 }
    return place
  }

  /// Keeps the prefix longer than the suffix, and sometimes cuts the suffix off as at the end of a file.
  private mutating func trimSuffix(_ window: inout Range<Int>, hole: inout Hole, kind: FIMExample.Kind) {
    let lines = sampler.lines
    let end = lines.range(of: lines.line(at: max(hole.middle.lowerBound, hole.middle.upperBound - 1)))
      .upperBound
    let ownEnd = min(end, window.upperBound)
    if kind != .empty, generator.chance(settings.modifiers.danglingSuffix) {
      if ownEnd < window.upperBound || window.upperBound < file.bytes.count {
        hole.modifiers.append(.danglingSuffix)
      }
      window = window.lowerBound..<ownEnd
      return
    }
    let budget = Int(Double(window.count) * (0.1 + 0.35 * generator.unit()))
    let wanted = max(end, min(window.upperBound, hole.middle.upperBound + budget))
    guard wanted < window.upperBound else { return }
    let border = max(end, lines.starts[lines.line(at: wanted)])
    window = window.lowerBound..<min(border, window.upperBound)
  }

  // MARK: What is dropped

  private mutating func note(_ reason: DropReason, _ range: Range<Int>) {
    drops[reason, default: 0] += 1
    if explains { dropped.append(FileCarving.Dropped(range: range, reason: reason)) }
  }

  private mutating func noteTainted() {
    for range in sampler.sketch.tainted { note(.error, range) }
  }
}

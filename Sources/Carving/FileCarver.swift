import Corpus
import Syntax

/// Cuts the holes of one file. For one thread.
///
/// The holes depend on the file's bytes, the settings and the seed, on nothing else.
public struct FileCarver {
  private let file: SourceFile
  private let sampler: HoleSampler
  private let settings: CarvingSettings
  private let weight: Double
  private let explains: Bool
  private var generator: SeededGenerator
  private var taken: Set<Range<Int>> = []
  private var drops: [DropReason: Int] = [:]
  private var dropped: [FileCarving.Dropped] = []

  private static let attempts = 6
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
    let lines = LineIndex(file.bytes)
    let sketch =
      parts.first.map { Sketch(tree: $0.tree, source: file.bytes, lines: lines) }
      ?? Sketch(text: file.bytes, lines: lines)
    sampler = HoleSampler(source: file.bytes, lines: lines, sketch: sketch)
    generator = SeededGenerator(seed: seed)
  }

  /// As many holes as the file is worth.
  public mutating func carve() -> FileCarving {
    let exact = Double(settings.exampleCount(bytes: file.bytes.count)) * max(0, weight)
    let count = Int(exact) + (generator.chance(exact - exact.rounded(.down)) ? 1 : 0)
    let holes = (0..<count).compactMap { _ in hole() }
    return FileCarving(holes: holes, drops: drops, dropped: dropped)
  }

  /// One hole of a class drawn by weight; another class where the file has none of it.
  private mutating func hole() -> CarvedHole? {
    let shares = settings.shares
    let kinds = FIMExample.Kind.allCases
    var weights = kinds.map { shares[$0] ?? 0 }
    for _ in 0..<3 {
      guard let index = generator.index(weights: weights) else { return nil }
      for _ in 0..<Self.attempts {
        if let found = kinds[index] == .plain ? plain() : hole(kinds[index]) { return found }
      }
      weights[index] = 0
    }
    return nil
  }

  private mutating func plain() -> CarvedHole? {
    let window = self.window(atLeast: settings.windowBytes, from: sampler.sketch.headerEnd)
    guard window.count >= 40, taken.insert(window).inserted else { return nil }
    return make(.plain, window: window, middle: window, path: "")
  }

  private mutating func hole(_ kind: FIMExample.Kind) -> CarvedHole? {
    let size =
      generator.chance(0.6)
      ? settings.windowBytes : generator.logUniform(300...max(301, settings.windowBytes))
    var window = self.window(atLeast: size, from: 0)
    guard window.count >= 16, var hole = sampler.draw(kind, in: window, using: &generator) else { return nil }
    if kind != .characterSpan, generator.chance(settings.modifiers.midToken) { startInsideWord(&hole) }
    guard isFit(hole.range, kind: kind), taken.insert(hole.range).inserted else { return nil }
    trimSuffix(&window, hole: hole.range)
    return make(kind, window: window, middle: hole.range, path: hole.node.map(sampler.sketch.path) ?? "")
  }

  /// A run of whole lines of about `size` bytes; the whole file when it is smaller.
  private mutating func window(atLeast size: Int, from lowest: Int) -> Range<Int> {
    let lines = sampler.lines
    let total = file.bytes.count
    var firstLine = lines.line(at: lowest)
    if lines.starts[firstLine] < lowest { firstLine = min(firstLine + 1, lines.count - 1) }
    if total - lines.starts[firstLine] > size {
      // The last window begins where the rest of the file still fills half of it.
      let last = max(firstLine, lines.line(at: max(0, total - size / 2)))
      firstLine += generator.below(last - firstLine + 1)
    }
    let start = lines.starts[firstLine]
    guard total - start > size else { return start..<total }
    let end = lines.starts[lines.line(at: start + size)]
    return start..<(end > start ? end : self.characterBorder(start + size))
  }

  private func characterBorder(_ offset: Int) -> Int {
    var place = min(offset, file.bytes.count)
    while place < file.bytes.count, !Blanks.startsCharacter(file.bytes[place]) { place += 1 }
    return place
  }

  /// Moves the start into the word that stands there, as if its beginning had been typed.
  private mutating func startInsideWord(_ hole: inout Hole) {
    let start = hole.range.lowerBound
    var end = start
    while end < hole.range.upperBound, Blanks.isWord(file.bytes[end]) { end += 1 }
    guard end - start >= 3 else { return }
    var moved = start + 1 + generator.below(end - start - 1)
    while moved < end, !Blanks.startsCharacter(file.bytes[moved]) { moved += 1 }
    if moved < hole.range.upperBound { hole.range = moved..<hole.range.upperBound }
  }

  /// Keeps the prefix longer than the suffix, and sometimes cuts the suffix off as at the end of a file.
  private mutating func trimSuffix(_ window: inout Range<Int>, hole: Range<Int>) {
    let lines = sampler.lines
    let share = generator.chance(0.1) ? 0 : 0.1 + 0.35 * generator.unit()
    let budget = Int(Double(window.count) * share)
    let end = lines.range(of: lines.line(at: max(hole.lowerBound, hole.upperBound - 1))).upperBound
    let wanted = max(end, min(window.upperBound, hole.upperBound + budget))
    guard wanted < window.upperBound else { return }
    let border = max(end, lines.starts[lines.line(at: wanted)])
    window = window.lowerBound..<min(border, window.upperBound)
  }

  /// Whether people would write the text of the hole.
  private mutating func isFit(_ range: Range<Int>, kind: FIMExample.Kind) -> Bool {
    let bytes = file.bytes
    let sketch = sampler.sketch
    guard range.lowerBound >= sketch.headerEnd else { return false }
    let visible = Sketch.trimmed(range, of: bytes)
    guard !visible.isEmpty else { return false }
    if kind != .characterSpan, visible.count < 3 { return false }
    if sketch.errors.contains(where: { $0.overlaps(range) }) { return false }
    if isOnlyComment(visible) { return false }
    if let string = sketch.strings.containing(visible.lowerBound), string.upperBound >= visible.upperBound {
      return generator.chance(0.15)
    }
    return true
  }

  private func isOnlyComment(_ range: Range<Int>) -> Bool {
    var place = range.lowerBound
    while place < range.upperBound {
      if Blanks.isSpace(file.bytes[place]) {
        place += 1
      } else if let comment = sampler.sketch.comments.containing(place) {
        place = comment.upperBound
      } else {
        return false
      }
    }
    return true
  }

  private func make(_ kind: FIMExample.Kind, window: Range<Int>, middle: Range<Int>, path: String)
    -> CarvedHole
  {
    CarvedHole(
      kind: kind, window: window, middle: middle, unit: middle, nodePath: path, language: file.language)
  }
}

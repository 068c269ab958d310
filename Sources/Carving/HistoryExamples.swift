import Corpus
import Syntax

/// Test examples out of what people wrote later: runs of inserted lines, and tails of their first lines.
///
/// A middle that occurs verbatim in the code that training saw (20 bytes or more) is left out, and so is one with
/// fewer than four visible characters. Where a catalog is given, `nodePath` is the letter of the class that the middle
/// is judged to be (`InsertionClass`), for reports by class.
public struct HistoryExamples: Sendable {
  private let known: KnownText
  private let windowBytes: Int
  private let seed: UInt64
  private let catalog: LanguageCatalog?

  private static let longestRun = 10
  private static let runsPerSpan = 3
  private static let leakBytes = 20

  private static let parseTimeoutMs = 20_000

  /// - Parameters:
  ///   - known: the files that training may use.
  ///   - catalog: to judge the middles by their syntax; nil to leave `nodePath` empty.
  public init(
    known: KnownText, windowBytes: Int = 2_400, seed: UInt64 = 1, catalog: LanguageCatalog? = nil
  ) {
    self.catalog = catalog
    self.known = known
    self.windowBytes = max(200, windowBytes)
    self.seed = seed
  }

  /// Examples of kind `history`, in the order of the spans; a random choice of `limit` where there are more.
  public func examples(from spans: [InsertedSpan], limit: Int? = nil) -> [FIMExample] {
    var found: [(example: FIMExample, span: Int)] = []
    var seen: Set<String> = []
    for (index, span) in spans.enumerated() {
      if Task.isCancelled { break }
      for example in candidates(of: span, number: index)
      where seen.insert(example.path + "\u{0}" + example.middle + "\u{0}" + example.prefix.suffix(80))
        .inserted
      {
        found.append((example, index))
      }
    }
    if let limit, found.count > limit {
      var generator = SeededGenerator(seed: seed, path: "", epoch: 0)
      found = found.indices.shuffled(using: &generator).prefix(max(0, limit)).sorted().map { found[$0] }
    }
    return judged(found, spans)
  }

  /// The examples with their observed class; a file is parsed once for all of its neighbouring examples.
  private func judged(_ found: [(example: FIMExample, span: Int)], _ spans: [InsertedSpan]) -> [FIMExample] {
    guard let catalog else { return found.map(\.example) }
    var result: [FIMExample] = []
    var start = 0
    while start < found.count {
      var end = start + 1
      while end < found.count, found[end].span == found[start].span { end += 1 }
      let contents = spans[found[start].span].contents
      result += Self.judged(found[start..<end].map(\.example), in: contents, catalog)
      start = end
    }
    return result
  }

  /// Examples of one text with their observed class as `nodePath`; the text is parsed once.
  static func judged(
    _ examples: [FIMExample], in contents: [UInt8], _ catalog: LanguageCatalog
  ) -> [FIMExample] {
    guard let language = examples.first?.language else { return [] }
    let parts = catalog.parse(contents, language: language, timeoutMs: parseTimeoutMs).parts
    let lines = LineIndex(contents)
    return examples.map { example in
      let middle = example.middleStart..<example.middleEnd
      guard let part = parts.last(where: { $0.range.lowerBound <= middle.lowerBound && $0.owns(middle) }),
        let judged = InsertionClass.classify(middle, in: part, source: contents, lines: lines)
      else { return example }
      var example = example
      example.nodePath = judged.kind.rawValue
      return example
    }
  }

  /// What a span gives, by random numbers of its own.
  func candidates(of span: InsertedSpan, number: Int) -> [FIMExample] {
    var generator = SeededGenerator(seed: seed, path: span.path + "\u{0}" + span.origin, epoch: number)
    return examples(of: span, using: &generator)
  }

  private func examples(of span: InsertedSpan, using generator: inout SeededGenerator) -> [FIMExample] {
    let lines = LineIndex(span.contents)
    let rows = lines.line(at: span.range.lowerBound)...lines.line(at: span.range.upperBound - 1)
    var found: [FIMExample] = []
    for run in runs(in: rows, span: span, lines: lines, using: &generator) {
      if let example = make(span, middle: run, lines: lines) { found.append(example) }
      guard generator.chance(0.5) else { continue }
      let end = min(run.upperBound, Self.lineEnd(run.lowerBound, in: span.contents))
      let line = lines.starts[lines.line(at: run.lowerBound)]..<end
      if isKnown(run.lowerBound..<end, in: span.contents) { continue }
      let points = TriggerPoints(line: line, source: span.contents) { _ in false }
      if let start = points.choose(using: &generator), start > run.lowerBound, start < end,
        let example = make(span, middle: start..<end, lines: lines)
      {
        found.append(example)
      }
    }
    return found
  }

  /// Runs of 1 to 10 lines from the first visible character to the last; the whole span when it is small enough.
  private func runs(
    in rows: ClosedRange<Int>, span: InsertedSpan, lines: LineIndex, using generator: inout SeededGenerator
  ) -> [Range<Int>] {
    let whole = Blanks.trimmed(span.range, of: span.contents)
    guard !whole.isEmpty else { return [] }
    let count = lines.line(at: whole.upperBound - 1) - lines.line(at: whole.lowerBound) + 1
    if count <= Self.longestRun, whole.count <= InsertedSpan.maximumBytes { return [whole] }
    let visible = rows.filter { !Blanks.trimmed(lines.range(of: $0), of: span.contents).isEmpty }
    return (0..<min(Self.runsPerSpan, (count + 9) / 10)).compactMap { _ in
      let first = visible[generator.below(visible.count)]
      let length = [1, 2 + generator.below(4), 6 + generator.below(5)][
        generator.index(weights: [55, 30, 15]) ?? 0]
      let last = min(first + length - 1, rows.upperBound)
      let bytes = lines.range(of: first..<(last + 1)).clamped(to: span.range)
      let run = Blanks.trimmed(bytes, of: span.contents)
      return !run.isEmpty && run.count <= InsertedSpan.maximumBytes ? run : nil
    }
  }

  private static func lineEnd(_ place: Int, in bytes: [UInt8]) -> Int {
    bytes[place...].firstIndex { $0 == 0x0A || $0 == 0x0D } ?? bytes.count
  }

  /// Whether training may have seen the text; short text is everywhere and says nothing.
  private func isKnown(_ range: Range<Int>, in bytes: [UInt8]) -> Bool {
    range.count >= Self.leakBytes && known.contains(bytes[range])
  }

  private func make(_ span: InsertedSpan, middle: Range<Int>, lines: LineIndex) -> FIMExample? {
    let bytes = span.contents
    guard bytes[middle].count(where: { !Blanks.isSpace($0) }) >= 4 else { return nil }
    if isKnown(middle, in: bytes) { return nil }
    if Notebook.isOne(span.path), Notebook.borders(in: bytes).contains(where: { $0.overlaps(middle) }) {
      return nil
    }
    let window = window(around: middle, size: bytes.count, lines: lines)
    func text(_ range: Range<Int>) -> String? { String(validating: bytes[range], as: UTF8.self) }
    guard let prefix = text(window.lowerBound..<middle.lowerBound), let hole = text(middle),
      let suffix = text(middle.upperBound..<window.upperBound)
    else { return nil }
    return FIMExample(
      path: span.path, language: span.language, kind: .history, nodePath: "", windowStart: window.lowerBound,
      middleStart: middle.lowerBound, middleEnd: middle.upperBound, prefix: prefix, middle: hole,
      suffix: suffix)
  }

  /// Whole lines around the middle: three quarters of the budget before it, a quarter behind it; what one side does
  /// not need goes to the other.
  private func window(around middle: Range<Int>, size: Int, lines: LineIndex) -> Range<Int> {
    let budget = max(0, windowBytes - middle.count)
    let behind = size - middle.upperBound
    let before = min(middle.lowerBound, max(budget * 3 / 4, budget - behind))
    let after = min(behind, budget - before)
    let low = middle.lowerBound - before
    let lowLine = lines.line(at: low)
    let start = lines.starts[lowLine] == low ? low : lines.range(of: lowLine).upperBound
    let ownLine = lines.starts[lines.line(at: middle.lowerBound)]
    let high = middle.upperBound + after
    let ownEnd = lines.range(of: lines.line(at: middle.upperBound - 1)).upperBound
    let end = high == size ? size : lines.starts[lines.line(at: high)]
    return min(start, ownLine)..<max(end, ownEnd)
  }
}

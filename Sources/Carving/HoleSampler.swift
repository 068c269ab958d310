import Syntax

/// A hole in a window, in bytes of the file.
struct Hole {
  var middle: Range<Int>
  /// What the middle was cut from.
  var unit: Range<Int>
  var modifiers: [FIMExample.Modifier] = []
  /// The node that was carved, or the parent of the run; nil for spans without one.
  var node: Int?
  var part = 0
}

/// Draws holes of a class and a length inside a window.
struct HoleSampler {
  let source: [UInt8]
  let lines: LineIndex
  let sketch: Sketch
  let parts: [ParsedPart]
  let settings: CarvingSettings

  /// Where in the window holes should begin: the prefix is meant to be three times the suffix.
  private static let target = 0.72
  /// How far from there, as a share of the window, a place counts half.
  private static let spread = 0.15

  init(source: [UInt8], parts: [ParsedPart], settings: CarvingSettings) {
    self.source = source
    self.parts = parts
    self.settings = settings
    lines = LineIndex(source)
    sketch =
      parts.isEmpty
      ? Sketch(text: source, lines: lines, settings: settings)
      : Sketch(parts: parts, source: source, lines: lines, settings: settings)
  }

  /// A hole of the class and length in the window, or nil when none was found.
  func draw(
    _ kind: FIMExample.Kind, _ length: HoleLength, in window: Range<Int>,
    using generator: inout SeededGenerator
  ) -> Hole? {
    switch kind {
    case .node: node(length, in: window, using: &generator)
    case .siblingRun: siblingRun(length, in: window, using: &generator)
    case .lineTail: lineTail(length, in: window, using: &generator)
    case .blockTail: blockTail(length, in: window, using: &generator)
    case .characterSpan: characterSpan(length, in: window, using: &generator)
    case .import: importLines(length, in: window, using: &generator)
    case .signatureOrBody: signatureOrBody(length, in: window, using: &generator)
    case .empty: emptyPlace(in: window, using: &generator)
    case .plain, .history: nil
    }
  }

  /// Whether the file may hold a hole of the class and length; false spares the search.
  func mayHold(_ kind: FIMExample.Kind, _ length: HoleLength) -> Bool {
    switch kind {
    case .node: !sketch.candidates[length.index].isEmpty
    case .siblingRun: !sketch.elementSlots.isEmpty
    case .blockTail: !sketch.statementSlots.isEmpty && length.lines.lowerBound <= settings.caps.blockLines
    case .import: !sketch.imports.isEmpty
    case .signatureOrBody: !sketch.functions.isEmpty && !parts.isEmpty
    case .lineTail: length.isInLine
    case .characterSpan: length.bytes.lowerBound <= settings.caps.spanBytes
    case .empty: true
    case .plain, .history: false
    }
  }

  /// A place where a hole of the class and length may begin: for windows around what is rare.
  func anchor(
    _ kind: FIMExample.Kind, _ length: HoleLength, using generator: inout SeededGenerator
  ) -> Int? {
    func one(of slots: [UInt32]) -> Int? {
      slots.isEmpty ? nil : Int(sketch.children[Int(slots[generator.below(slots.count)])].start)
    }
    switch kind {
    case .node:
      let found = sketch.candidates[length.index]
      return found.isEmpty ? nil : Int(found[generator.below(found.count)].start)
    case .siblingRun: return one(of: sketch.elementSlots)
    case .blockTail: return one(of: sketch.statementSlots)
    case .import: return one(of: sketch.imports)
    case .signatureOrBody:
      let found = sketch.functions
      return found.isEmpty ? nil : found[generator.below(found.count)].range.lowerBound
    case .lineTail, .characterSpan, .empty, .plain, .history: return nil
    }
  }

  // MARK: Shared by the classes

  /// How welcome a hole is that begins at `start`.
  func nearness(_ start: Int, in window: Range<Int>) -> Double {
    let place = Double(start - window.lowerBound) / Double(max(1, window.count))
    let distance = (place - Self.target) / Self.spread
    return 0.1 + 1 / (1 + distance * distance)
  }

  /// One of a few slots in the window, those near the wanted place and behind a comment more often.
  func slot(
    of slots: [UInt32], inside: Range<Int>, window: Range<Int>, using generator: inout SeededGenerator
  ) -> Int? {
    guard !inside.isEmpty else { return nil }
    let drawn = (0..<min(4, inside.count)).map { _ in
      Int(slots[inside.lowerBound + generator.below(inside.count)])
    }
    let weights = drawn.map { index in
      let child = sketch.children[index]
      return nearness(Int(child.start), in: window) * (child.isAfterComment ? settings.caps.afterComment : 1)
    }
    return generator.index(weights: weights).map { drawn[$0] }
  }

  /// The slots that begin in the window.
  func places(_ slots: [UInt32], in window: Range<Int>) -> Range<Int> {
    slots.places(startingIn: window) { Int(sketch.children[Int($0)].start) }
  }

  /// Where the white space before `start` begins, inside the window.
  func leadingSpace(before start: Int, in window: Range<Int>) -> Int {
    var place = start
    while place > window.lowerBound, Blanks.isSpace(source[place - 1]) { place -= 1 }
    return place
  }

  func lineCount(_ range: Range<Int>) -> Int {
    lines.line(at: max(range.lowerBound, range.upperBound - 1)) - lines.line(at: range.lowerBound) + 1
  }

  /// The part that holds all of `range`; nil when it crosses from one into another.
  func part(of range: Range<Int>) -> Int? {
    guard parts.count > 1 else { return 0 }
    let holding = parts.indices.filter {
      parts[$0].range.lowerBound <= range.lowerBound && parts[$0].range.upperBound >= range.upperBound
    }
    return holding.last { parts[$0].owns(range) }
  }
}

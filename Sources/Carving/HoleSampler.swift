import Syntax

/// A hole and the window around it, in bytes of the file.
struct Hole {
  var range: Range<Int>
  /// The node that was carved; nil for spans without one.
  var node: Int?
}

/// Draws holes of a class inside a window.
struct HoleSampler {
  let source: [UInt8]
  let lines: LineIndex
  let sketch: Sketch

  /// Largest block tail and line tail, in bytes.
  static let blockBytes = 1_500
  private static let blockLines = 30

  /// Where in the window holes should begin: the prefix is meant to be three times the suffix.
  static let target = 0.72

  /// A hole of the class in the window, or nil when the window has none.
  func draw(_ kind: FIMExample.Kind, in window: Range<Int>, using generator: inout SeededGenerator) -> Hole? {
    switch kind {
    case .node: node(in: window, using: &generator)
    case .siblingRun: siblingRun(in: window, using: &generator)
    case .lineTail: lineTail(in: window, using: &generator)
    case .blockTail: blockTail(in: window, using: &generator)
    case .characterSpan: characterSpan(in: window, using: &generator)
    case .import, .signatureOrBody, .empty, .plain, .history: nil
    }
  }

  // MARK: N

  private func node(in window: Range<Int>, using generator: inout SeededGenerator) -> Hole? {
    var shares = LengthBucket.nodeShares
    while let bucket = generator.index(weights: shares) {
      shares[bucket] = 0
      let all = sketch.candidates[bucket]
      let inside = all.places(startingIn: window) { $0.range.lowerBound }
      guard !inside.isEmpty else { continue }
      let drawn = (0..<24).map { _ in all[inside.lowerBound + generator.below(inside.count)] }.filter {
        $0.range.upperBound <= window.upperBound
      }
      // Units are drawn by their share, not by how many of them there are.
      let present = Sketch.Unit.allCases.map { unit in drawn.contains { $0.unit == unit } ? unit.weight : 0 }
      guard let unit = generator.index(weights: present) else { continue }
      let fitting = drawn.filter { $0.unit == Sketch.Unit.allCases[unit] }
      guard let chosen = nearest(fitting, in: window, start: { $0.range.lowerBound }, using: &generator)
      else { continue }
      return Hole(range: withCloser(chosen, using: &generator), node: chosen.node)
    }
    return nil
  }

  /// A bracketed node's middle is what is inside; in 30 % the closing bracket belongs to it.
  private func withCloser(_ candidate: Sketch.Candidate, using generator: inout SeededGenerator) -> Range<Int>
  {
    let range = candidate.range
    guard candidate.unit == .arguments || candidate.unit == .block || candidate.unit == .literal else {
      return range
    }
    var end = range.upperBound
    while end < source.count, Blanks.isSpace(source[end]) { end += 1 }
    guard end < source.count, Sketch.closers.values.contains(source[end]), generator.chance(0.3),
      range.lowerBound > 0, isOpened(before: range.lowerBound, by: source[end])
    else { return range }
    return range.lowerBound..<(end + 1)
  }

  private func isOpened(before place: Int, by closer: UInt8) -> Bool {
    var index = place - 1
    while index >= 0, Blanks.isSpace(source[index]) { index -= 1 }
    return index >= 0 && Sketch.closers[source[index]] == closer
  }

  // MARK: R

  private func siblingRun(in window: Range<Int>, using generator: inout SeededGenerator) -> Hole? {
    guard let bucket = generator.index(weights: LengthBucket.nodeShares) else { return nil }
    let wanted = LengthBucket.allCases[bucket].lines
    let inside = sketch.elementSlots.places(startingIn: window) { $0.start }
    guard !inside.isEmpty else { return nil }
    var fallback: Hole?
    for _ in 0..<12 {
      let drawn = (0..<3).map { _ in sketch.elementSlots[inside.lowerBound + generator.below(inside.count)] }
      guard let slot = nearest(drawn, in: window, start: \.start, using: &generator),
        let hole = run(from: slot, window: window, using: &generator)
      else { continue }
      if wanted.contains(lineCount(hole.range)) { return hole }
      fallback = hole
    }
    return fallback
  }

  private func run(
    from slot: Sketch.Slot, window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let group = sketch.siblings[slot.siblings]
    let count = [1, 2, 3, 4 + generator.below(4)][generator.index(weights: [46, 28, 12, 14]) ?? 0]
    let last = min(slot.child + count, group.children.count) - 1
    guard group.isSound[slot.child...last].allSatisfy({ $0 }) else { return nil }
    var start = group.children[slot.child].lowerBound
    var end = group.children[last].upperBound
    if slot.child > 0, generator.chance(0.5) {
      // Right behind the separator: the white space before the sibling belongs to the middle.
      while start > window.lowerBound, Blanks.isSpace(source[start - 1]) { start -= 1 }
    }
    if end < source.count, ",;".utf8.contains(source[end]), group.isBlock || generator.chance(0.5) {
      end += 1
    }
    guard end <= window.upperBound, Sketch.nodeBytes.contains(end - start) else { return nil }
    return Hole(range: start..<end, node: group.node)
  }

  // MARK: L

  private func lineTail(in window: Range<Int>, using generator: inout SeededGenerator) -> Hole? {
    let first = lines.line(at: window.lowerBound)
    let last = lines.line(at: window.upperBound - 1)
    for _ in 0..<12 {
      let drawn = (0..<2).map { _ in first + generator.below(last - first + 1) }
      guard let line = nearest(drawn, in: window, start: { lines.starts[$0] }, using: &generator) else {
        continue
      }
      var range = lines.range(of: line)
      while let end = range.last, Blanks.isSpace(source[end]) { range = range.lowerBound..<end }
      if let comment = sketch.comments.containing(max(range.lowerBound, range.upperBound - 1)) {
        // A comment behind the code stays in the suffix.
        guard comment.lowerBound > range.lowerBound else { continue }
        range = range.lowerBound..<comment.lowerBound
      }
      let points = TriggerPoints(line: range, source: source) { place in
        // The quote that opens a string is a place; what is inside is not.
        sketch.comments.covers(place)
          || (sketch.strings.containing(place).map { $0.lowerBound < place } ?? false)
      }
      guard let start = points.choose(using: &generator), start >= window.lowerBound else { continue }
      let end = TriggerPoints.tailEnd(
        from: start, lineEnd: range.upperBound, source: source, keepsClosers: generator.chance(0.3))
      guard end - start >= 3, end <= window.upperBound else { continue }
      return Hole(range: start..<end, node: nil)
    }
    return nil
  }

  // MARK: B

  private func blockTail(in window: Range<Int>, using generator: inout SeededGenerator) -> Hole? {
    guard let bucket = generator.index(weights: LengthBucket.blockShares) else { return nil }
    let wanted = LengthBucket.allCases[bucket].lines
    let inside = sketch.statementSlots.places(startingIn: window) { $0.start }
    guard !inside.isEmpty else { return nil }
    var fallback: Hole?
    for _ in 0..<12 {
      let drawn = (0..<3).map { _ in sketch.statementSlots[inside.lowerBound + generator.below(inside.count)]
      }
      guard let slot = nearest(drawn, in: window, start: \.start, using: &generator),
        let hole = tail(from: slot, window: window, longest: wanted.upperBound, using: &generator)
      else { continue }
      let count = lineCount(hole.range)
      if wanted.contains(count) { return hole }
      if count > 1 { fallback = hole }
    }
    return fallback
  }

  /// From a statement to the block's end, to the next blank line, or over 2–8 statements.
  private func tail(
    from slot: Sketch.Slot, window: Range<Int>, longest: Int, using generator: inout SeededGenerator
  ) -> Hole? {
    let group = sketch.siblings[slot.siblings]
    var last = group.children.count - 1
    switch generator.below(3) {
    case 0: last = min(last, slot.child + 1 + generator.below(7))
    case 1: last = blankLine(after: slot.child, in: group)
    default: break
    }
    var start = group.children[slot.child].lowerBound
    if generator.chance(0.5) {
      while start > window.lowerBound, Blanks.isSpace(source[start - 1]) { start -= 1 }
    }
    while last >= slot.child {
      var end = group.children[last].upperBound
      if end < source.count, source[end] == UInt8(ascii: ";") { end += 1 }
      let range = start..<end
      if end <= window.upperBound, range.count <= Self.blockBytes,
        lineCount(range) <= min(longest, Self.blockLines)
      {
        return group.isSound[slot.child...last].allSatisfy { $0 } ? Hole(range: range, node: group.node) : nil
      }
      last -= 1
    }
    return nil
  }

  private func blankLine(after child: Int, in group: Sketch.Siblings) -> Int {
    for index in child..<(group.children.count - 1) {
      let gap = source[group.children[index].upperBound..<group.children[index + 1].lowerBound]
      if gap.count(where: { $0 == 0x0A }) >= 2 { return index }
    }
    return group.children.count - 1
  }

  // MARK: C

  private func characterSpan(in window: Range<Int>, using generator: inout SeededGenerator) -> Hole? {
    let inside = sketch.functions.filter { $0.overlaps(window) }
    let scope = inside.isEmpty ? window : inside[generator.below(inside.count)].clamped(to: window)
    guard scope.count >= 8 else { return nil }
    let length = generator.logUniform(1...min(256, scope.count - 2))
    var start = scope.lowerBound + generator.below(scope.count - length)
    while start > scope.lowerBound, !Blanks.startsCharacter(source[start]) { start -= 1 }
    var end = start + length
    while end < scope.upperBound, !Blanks.startsCharacter(source[end]) { end += 1 }
    return Hole(range: start..<end, node: nil)
  }

  // MARK: Helpers

  /// Of a few drawn items, the one that begins nearest to the wanted place in the window, most of the time.
  private func nearest<Item>(
    _ items: [Item], in window: Range<Int>, start: (Item) -> Int, using generator: inout SeededGenerator
  ) -> Item? {
    guard !items.isEmpty else { return nil }
    if generator.chance(0.3) { return items[generator.below(items.count)] }
    let wanted = window.lowerBound + Int(Double(window.count) * Self.target)
    return items.min { abs(start($0) - wanted) < abs(start($1) - wanted) }
  }

  func lineCount(_ range: Range<Int>) -> Int {
    lines.line(at: max(range.lowerBound, range.upperBound - 1)) - lines.line(at: range.lowerBound) + 1
  }
}

extension Array {
  /// Indices of the items, sorted by `start`, that begin inside the window.
  fileprivate func places(startingIn window: Range<Int>, start: (Element) -> Int) -> Range<Int> {
    func first(atLeast offset: Int) -> Int {
      var low = 0
      var high = count
      while low < high {
        let middle = (low + high) / 2
        if start(self[middle]) < offset { low = middle + 1 } else { high = middle }
      }
      return low
    }
    let low = first(atLeast: window.lowerBound)
    return low..<Swift.max(low, first(atLeast: window.upperBound))
  }
}

/// Classes N, R and B: what the syntax tree delimits.
extension HoleSampler {
  // MARK: N

  func node(
    _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let all = sketch.candidates[length.index]
    let inside = all.places(startingIn: window) { Int($0.start) }
    guard !inside.isEmpty else { return nil }
    let drawn = (0..<min(16, inside.count)).map { _ in inside.lowerBound + generator.below(inside.count) }
      .filter { Int(all[$0].end) <= window.upperBound }
    var counts = [Double](repeating: 0, count: CarvingSettings.Unit.allCases.count)
    for index in drawn { counts[Int(all[index].unit)] += 1 }
    // Units are drawn by their share, not by how many of them there are.
    let shares = unitShares
    let weights = drawn.map { index in
      let candidate = all[index]
      let unit = Int(candidate.unit)
      return shares[unit] / counts[unit] * nearness(Int(candidate.start), in: window)
        * (candidate.isAfterComment ? settings.caps.afterComment : 1)
    }
    guard let chosen = generator.index(weights: weights) else { return nil }
    let candidate = all[drawn[chosen]]
    var hole = Hole(
      middle: candidate.range, unit: candidate.range, node: Int(candidate.node), part: Int(candidate.part))
    closeBracket(&hole, closedEnd: Int(candidate.closedEnd), in: window, using: &generator)
    return hole
  }

  private var unitShares: [Double] {
    CarvingSettings.Unit.allCases.map { settings.units[$0] ?? 0 }
  }

  /// A bracketed node's middle is what is inside; sometimes the closing bracket belongs to it.
  func closeBracket(
    _ hole: inout Hole, closedEnd: Int, in window: Range<Int>, using generator: inout SeededGenerator
  ) {
    guard closedEnd > hole.middle.upperBound, closedEnd <= window.upperBound,
      generator.chance(settings.modifiers.closerInside)
    else { return }
    hole.middle = hole.middle.lowerBound..<closedEnd
    hole.modifiers.append(.closerInside)
  }

  // MARK: R

  func siblingRun(
    _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let inside = places(sketch.elementSlots, in: window)
    for _ in 0..<6 {
      guard let slot = slot(of: sketch.elementSlots, inside: inside, window: window, using: &generator)
      else { return nil }
      if let hole = run(from: slot, length, in: window, using: &generator) { return hole }
    }
    return nil
  }

  /// A run that begins with a child: as many siblings as the length allows, one 46 %, two 28 %, three 12 %, more 14 %.
  private func run(
    from first: Int, _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let start = sketch.children[first]
    let group = sketch.groups[Int(start.group)]
    // Short runs are cut only where short ones were asked for.
    let smallest = length == .tiny ? 3 : max(settings.caps.smallestNode, length.bytes.lowerBound)
    var chosen: Int?
    var total = 0.0
    for last in first..<min(group.children.upperBound, first + 16) {
      let child = sketch.children[last]
      let size = Int(child.end) - Int(start.start)
      let lineCount = Int(child.lastLine) - Int(start.firstLine) + 1
      guard child.isSound, size <= settings.caps.nodeBytes, Int(child.end) <= window.upperBound,
        lineCount <= length.lines.upperBound, size <= length.bytes.upperBound
      else { break }
      guard lineCount >= length.lines.lowerBound, size >= smallest, !group.isWholeBody(first...last) else {
        continue
      }
      let weight = Self.runWeights[min(last - first, Self.runWeights.count - 1)]
      total += weight
      if generator.chance(weight / total) { chosen = last }
    }
    guard let last = chosen else { return nil }
    let child = sketch.children[last]
    var end = Int(child.end)
    if child.separatorEnd != 0, Int(child.separatorEnd) <= window.upperBound,
      group.isBlock || generator.chance(0.5)
    {
      end = Int(child.separatorEnd)
    }
    let unit = Int(start.start)..<end
    var middle = unit
    if first > Int(group.first), generator.chance(0.5) {
      // Right behind the separator: the white space before the sibling belongs to the middle.
      middle = leadingSpace(before: unit.lowerBound, in: window)..<end
    }
    return Hole(middle: middle, unit: unit, node: Int(group.node), part: Int(group.part))
  }

  private static let runWeights: [Double] = [46, 28, 12, 7, 4, 2, 1]

  // MARK: B

  func blockTail(
    _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let inside = places(sketch.statementSlots, in: window)
    for _ in 0..<6 {
      guard let slot = slot(of: sketch.statementSlots, inside: inside, window: window, using: &generator)
      else { return nil }
      if let hole = tail(from: slot, length, in: window, using: &generator) { return hole }
    }
    return nil
  }

  /// From a statement to the block's end, to the next blank line, or over 2–8 statements.
  private func tail(
    from first: Int, _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let start = sketch.children[first]
    let group = sketch.groups[Int(start.group)]
    var chosen: Int?
    var total = 0.0
    var sawBlank = false
    for last in first..<group.children.upperBound {
      let child = sketch.children[last]
      let lineCount = Int(child.lastLine) - Int(start.firstLine) + 1
      guard child.isSound, Int(child.end) - Int(start.start) <= settings.caps.blockBytes,
        Int(child.end) <= window.upperBound,
        lineCount <= min(length.lines.upperBound, settings.caps.blockLines),
        Int(child.end) - Int(start.start) <= length.bytes.upperBound
      else { break }
      let isLast = last + 1 == group.children.upperBound
      let isBlank = !isLast && sketch.children[last + 1].firstLine > child.lastLine + 1
      defer { sawBlank = sawBlank || isBlank }
      guard lineCount >= length.lines.lowerBound,
        Int(child.end) - Int(start.start) >= max(length.bytes.lowerBound, settings.caps.smallestNode),
        !group.isWholeBody(first...last)
      else { continue }
      var weight = (2...8).contains(last - first + 1) ? 1.0 / 7 : 0.01
      if isLast { weight += 1 }
      if isBlank, !sawBlank { weight += 1 }
      total += weight
      if generator.chance(weight / total) { chosen = last }
    }
    guard let last = chosen else { return nil }
    let child = sketch.children[last]
    var end = Int(child.end)
    if child.separatorEnd != 0, Int(child.separatorEnd) <= window.upperBound,
      source[Int(child.separatorEnd) - 1] == UInt8(ascii: ";")
    {
      end = Int(child.separatorEnd)
    }
    var hole = Hole(
      middle: Int(start.start)..<end, unit: Int(start.start)..<end, node: Int(group.node),
      part: Int(group.part))
    indent(&hole, in: window, using: &generator)
    return hole
  }

  /// The cursor stands at the right indentation, or at the end of the line before.
  private func indent(_ hole: inout Hole, in window: Range<Int>, using generator: inout SeededGenerator) {
    let start = hole.unit.lowerBound
    let before = leadingSpace(before: start, in: window)
    let isOwnLine = before == window.lowerBound || source[before..<start].contains(0x0A)
    if isOwnLine, before > window.lowerBound, !generator.chance(settings.modifiers.indentOnly) {
      hole.middle = before..<hole.middle.upperBound
    } else if isOwnLine {
      hole.modifiers.append(.indentOnly)
    }
  }
}

/// Classes L, C and E: places that lines and characters delimit.
extension HoleSampler {
  // MARK: L

  func lineTail(
    _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let first = lines.line(at: window.lowerBound)
    let last = lines.line(at: window.upperBound - 1)
    for _ in 0..<8 {
      let drawn = (0..<2).map { _ in first + generator.below(last - first + 1) }
      let weights = drawn.map { nearness(lines.starts[$0], in: window) }
      guard let chosen = generator.index(weights: weights),
        let line = codeLine(drawn[chosen], in: window), line.count >= length.bytes.lowerBound,
        let hole = tail(of: line, length, using: &generator)
      else { continue }
      return hole
    }
    return nil
  }

  /// A line without the white space and the comment at its end; nil when nothing is left.
  private func codeLine(_ number: Int, in window: Range<Int>) -> Range<Int>? {
    var line = lines.range(of: number).clamped(to: window)
    while let end = line.last, Blanks.isSpace(source[end]) { line = line.lowerBound..<end }
    guard let end = line.last else { return nil }
    guard let comment = sketch.comments.containing(end) else { return line }
    // A comment behind the code stays in the suffix.
    return comment.lowerBound > line.lowerBound ? line.lowerBound..<comment.lowerBound : nil
  }

  private func tail(
    of line: Range<Int>, _ length: HoleLength, using generator: inout SeededGenerator
  ) -> Hole? {
    let points = TriggerPoints(line: line, source: source) { place in
      // The quote that opens a string is a place; what is inside is not.
      sketch.comments.covers(place)
        || (sketch.strings.containing(place).map { $0.lowerBound < place } ?? false)
    }
    func end(_ start: Int, keepsClosers: Bool = false) -> Int {
      TriggerPoints.tailEnd(from: start, lineEnd: line.upperBound, source: source, keepsClosers: keepsClosers)
    }
    let found = points.choose(weights: settings.triggers, using: &generator) { place in
      // Most places are out of range already without a look for brackets.
      line.upperBound - place >= length.bytes.lowerBound
        && line.upperBound - place <= max(length.bytes.upperBound, length.bytes.upperBound &+ 8)
        && length.bytes.contains(end(place) - place)
    }
    guard let start = found?.place else { return nil }
    let open = end(start)
    let closed = end(start, keepsClosers: true)
    var hole = Hole(middle: start..<open, unit: start..<open, part: part(of: start..<closed) ?? -1)
    guard hole.part >= 0 else { return nil }
    closeBracket(&hole, closedEnd: closed, in: line, using: &generator)
    return hole
  }

  // MARK: C

  func characterSpan(
    _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let scope = function(around: window.lowerBound + generator.below(window.count), in: window)
    guard scope.count >= 8 else { return nil }
    let longest = min(settings.caps.spanBytes, scope.count - 2, length.bytes.upperBound)
    let shortest = length.isInLine ? length.bytes.lowerBound : 2
    guard shortest <= longest else { return nil }
    for _ in 0..<6 {
      let size = generator.logUniform(shortest...longest)
      var start = scope.lowerBound + generator.below(scope.count - size)
      if length.isInLine {
        // Moved back into its line, when the line is long enough.
        let line = Blanks.trimmed(lines.range(of: lines.line(at: start)), of: source).clamped(to: scope)
        guard line.count >= size else { continue }
        start = line.lowerBound + generator.below(line.count - size + 1)
      }
      while start > scope.lowerBound, !isBorder(start) { start -= 1 }
      var end = min(scope.upperBound, start + size)
      while end < scope.upperBound, !isBorder(end) { end += 1 }
      let visible = Blanks.trimmed(start..<end, of: source)
      guard !visible.isEmpty, length == HoleLength(bytes: visible.count, lines: lineCount(visible)),
        let part = part(of: start..<end)
      else { continue }
      return Hole(middle: start..<end, unit: visible, part: part)
    }
    return nil
  }

  /// Between two characters; a carriage return stays with its newline.
  private func isBorder(_ place: Int) -> Bool {
    place >= source.count
      || Blanks.startsCharacter(source[place])
        && !(source[place] == 0x0A && place > 0 && source[place - 1] == 0x0D)
  }

  /// The innermost function around a place, cut to the window; the window where there is none.
  private func function(around place: Int, in window: Range<Int>) -> Range<Int> {
    let before = sketch.functions.places(startingIn: 0..<(place + 1)) { $0.range.lowerBound }
    for index in before.suffix(8).reversed() where sketch.functions[index].range.contains(place) {
      return sketch.functions[index].range.clamped(to: window)
    }
    return window
  }

  // MARK: E

  /// A place where nothing is missing: the end of a statement or of a line, or right before a closing bracket.
  func emptyPlace(in window: Range<Int>, using generator: inout SeededGenerator) -> Hole? {
    let place: Int?
    let choice = generator.index(weights: [50, 30, 20])
    if choice == 0 {
      let inside = places(sketch.statementSlots, in: window)
      let child = slot(of: sketch.statementSlots, inside: inside, window: window, using: &generator)
      place = child.map { max(Int(sketch.children[$0].end), Int(sketch.children[$0].separatorEnd)) }
    } else {
      place = placeInLine(beforeCloser: choice == 2, in: window, using: &generator)
    }
    guard let place, window.contains(place) || place == window.upperBound, isBorder(place), place > 0,
      !sketch.strings.covers(place) || sketch.strings.containing(place)?.lowerBound == place,
      let part = part(of: place..<place)
    else { return nil }
    return Hole(middle: place..<place, unit: place..<place, part: part)
  }

  private func placeInLine(
    beforeCloser: Bool, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Int? {
    let first = lines.line(at: window.lowerBound)
    let last = lines.line(at: window.upperBound - 1)
    for _ in 0..<6 {
      guard let line = codeLine(first + generator.below(last - first + 1), in: window) else { continue }
      guard beforeCloser else { return line.upperBound }
      let closers = line.dropFirst().filter {
        Blanks.isCloser(source[$0]) && !Blanks.isSpace(source[$0 - 1]) && !sketch.strings.covers($0)
          && !sketch.comments.covers($0)
      }
      if !closers.isEmpty { return closers[generator.below(closers.count)] }
    }
    return nil
  }
}

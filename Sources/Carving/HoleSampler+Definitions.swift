import Syntax

/// Classes I and S: imports, signatures and bodies.
extension HoleSampler {
  // MARK: I

  /// One import, or a group of them, whose names are used below.
  func importLines(
    _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let inside = places(sketch.imports, in: window)
    for _ in 0..<4 {
      guard !inside.isEmpty else { return nil }
      let first = Int(sketch.imports[inside.lowerBound + generator.below(inside.count)])
      var last = first
      let group = sketch.groups[Int(sketch.children[first].group)]
      while last + 1 < group.children.upperBound, sketch.children[last + 1].isImport,
        sketch.children[last + 1].firstLine <= sketch.children[last].lastLine + 1, generator.chance(0.3)
      {
        last += 1
      }
      let unit = Int(sketch.children[first].start)..<Int(sketch.children[last].end)
      guard (first...last).allSatisfy({ sketch.children[$0].isSound }), unit.upperBound <= window.upperBound,
        (settings.caps.smallestNode...settings.caps.nodeBytes).contains(unit.count),
        HoleLength(bytes: unit.count, lines: lineCount(unit)) == length
      else { continue }
      return Hole(middle: unit, unit: unit, node: Int(group.node), part: Int(group.part))
    }
    return nil
  }

  /// Languages whose imports do not name what they bring.
  private static let opaqueImports: Set<String> = [
    "bash", "c", "cpp", "csharp", "css", "lua", "swift", "zig",
  ]
  private static let importWords: Set<String> = [
    "as", "crate", "export", "from", "function", "future", "import", "mod", "package", "pub", "require",
    "self",
    "static", "super", "type", "use", "var",
  ]

  /// Whether a name that the import brings stands below it.
  func isUsed(_ hole: Hole) -> Bool {
    guard parts.indices.contains(hole.part), !Self.opaqueImports.contains(parts[hole.part].language.name)
    else {
      return true
    }
    if source[hole.unit].contains(UInt8(ascii: "*")) { return true }
    var names: [Range<Int>] = []
    firstWord(in: hole.unit) { word in
      if !Self.importWords.contains(String(decoding: source[word], as: UTF8.self)) { names.append(word) }
      return false
    }
    let below = hole.unit.upperBound..<parts[hole.part].range.upperBound
    return firstWord(in: below) { word in
      names.contains { $0.count == word.count && source[$0].elementsEqual(source[word]) }
    } != nil
  }

  /// The first word of two bytes or more that `isWanted` takes.
  @discardableResult
  private func firstWord(in range: Range<Int>, where isWanted: (Range<Int>) -> Bool) -> Range<Int>? {
    var place = range.lowerBound
    while place < range.upperBound {
      let start = place
      while place < range.upperBound, Blanks.isWord(source[place]) { place += 1 }
      if place - start >= 2, isWanted(start..<place) { return start..<place }
      if place == start { place += 1 }
    }
    return nil
  }

  // MARK: S

  /// The body of a function whose signature is visible, or the signature of one whose body is.
  func signatureOrBody(
    _ length: HoleLength, in window: Range<Int>, using generator: inout SeededGenerator
  ) -> Hole? {
    let inside = sketch.functions.places(startingIn: window) { $0.range.lowerBound }
    for _ in 0..<6 {
      guard !inside.isEmpty else { return nil }
      let function = sketch.functions[inside.lowerBound + generator.below(inside.count)]
      guard function.isSound, let outline = outline(of: function) else { continue }
      let isBody = generator.chance(0.5)
      let unit = isBody ? outline.body : outline.signature
      guard unit.upperBound <= window.upperBound,
        (settings.caps.smallestNode...settings.caps.nodeBytes).contains(unit.count),
        HoleLength(bytes: unit.count, lines: lineCount(unit)) == length
      else { continue }
      var hole = Hole(middle: unit, unit: unit, node: function.node, part: function.part)
      if isBody { closeBracket(&hole, closedEnd: outline.closedEnd, in: window, using: &generator) }
      return hole
    }
    return nil
  }

  /// Signature and body of a function.
  struct FunctionOutline {
    /// From the function's start to what stands before the body.
    let signature: Range<Int>
    /// The body, or what is between its brackets; without a documentation string at its start.
    let body: Range<Int>
    /// Behind the body's closing bracket; 0 when it has none.
    let closedEnd: Int
  }

  private func outline(of function: Sketch.Function) -> FunctionOutline? {
    guard parts.indices.contains(function.part) else { return nil }
    let node = parts[function.part].tree[function.node]
    return FunctionOutline(of: node, source: source) { sketch.strings.containing($0) }
  }
}

extension HoleSampler.FunctionOutline {
  /// Nil for functions without a body of their own.
  init?(of node: SyntaxNode, source: [UInt8], string: (Int) -> Range<Int>?) {
    let children = node.children.filter { !$0.byteRange.isEmpty }
    guard
      let place = children.lastIndex(where: { $0.field == "body" })
        ?? children.lastIndex(where: { $0.roles.contains(.block) }), place > 0
    else { return nil }
    signature = Blanks.trimmed(
      children[0].byteRange.lowerBound..<children[place - 1].byteRange.upperBound, of: source)
    let whole = Blanks.trimmed(children[place].byteRange, of: source)
    var parts = children[place].children.filter { !$0.byteRange.isEmpty }
    if let first = parts.first, let last = parts.last, parts.count >= 2, first.byteRange.count == 1,
      last.byteRange.count == 1,
      Blanks.closer(of: source[first.byteRange.lowerBound]) == source[last.byteRange.lowerBound]
    {
      closedEnd = last.byteRange.upperBound
      parts = Array(parts.dropFirst().dropLast())
    } else {
      closedEnd = 0
    }
    if let first = parts.first, parts.count > 1,
      string(first.byteRange.lowerBound) == Blanks.trimmed(first.byteRange, of: source)
    {
      parts.removeFirst()
    }
    guard let first = parts.first, let last = parts.last else {
      // A body without structure: a leaf or an empty pair of brackets.
      guard closedEnd == 0, !whole.isEmpty else { return nil }
      body = whole
      return
    }
    body = Blanks.trimmed(first.byteRange.lowerBound..<last.byteRange.upperBound, of: source)
  }
}

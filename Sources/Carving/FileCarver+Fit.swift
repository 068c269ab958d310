/// Which holes people would write, and the typed part of them.
extension FileCarver {
  /// Why the hole is not used; nil to use it.
  mutating func fault(of hole: Hole, kind: FIMExample.Kind) -> DropReason? {
    let sketch = sampler.sketch
    let middle = hole.middle
    let touched = middle.isEmpty ? middle.lowerBound..<middle.lowerBound + 1 : middle
    if redactions.overlap(touched) { return .secret }
    if borders.overlap(touched) { return .acrossCells }
    if let licence = file.licence?.range, licence.overlaps(middle) || licence.contains(middle.lowerBound) {
      return .licence
    }
    if kind == .empty { return nil }
    let visible = Blanks.trimmed(middle, of: file.bytes)
    let isToken = kind == .node && hole.unit.count < settings.caps.smallestNode
    if visible.count < (kind == .characterSpan || isToken ? 1 : 3) { return .tooShort }
    if sketch.errors.overlap(middle) { return .error }
    if sampler.parts.count > 1, sampler.part(of: middle) == nil { return .otherLanguage }
    // Deciding first keeps the share below its bound however many comments the file has.
    let mayBeComment = generator.chance(settings.caps.commentShare)
    let mayBeString = generator.chance(settings.caps.stringShare)
    let isCommentary = sketch.isCommentary(visible, source: file.bytes, lines: sampler.lines)
    if isCommentary, !mayBeComment { return .comment }
    if !isCommentary, sketch.isInString(visible), !mayBeString { return .string }
    if kind == .import, !sampler.isUsed(hole) { return .unused }
    return nil
  }

  /// Moves the start into the first word, as if its beginning had been typed; or back into the word that ends there.
  mutating func applyMidToken(_ hole: inout Hole, kind: FIMExample.Kind) {
    guard [.node, .siblingRun, .lineTail, .blockTail].contains(kind) else { return }
    let isWanted = generator.chance(settings.modifiers.midToken)
    guard isWanted || owedMidTokens > 0 else { return }
    guard let start = startInsideWord(hole, kind: kind) else {
      if isWanted { owedMidTokens += 1 }
      return
    }
    if !isWanted { owedMidTokens -= 1 }
    hole.unit = min(start.word, hole.unit.lowerBound)..<hole.unit.upperBound
    hole.middle = start.place..<hole.middle.upperBound
    hole.modifiers.removeAll { $0 == .indentOnly }
    hole.modifiers.append(.midToken)
  }

  private mutating func startInsideWord(_ hole: Hole, kind: FIMExample.Kind) -> (word: Int, place: Int)? {
    let bytes = file.bytes
    var word = hole.unit.lowerBound
    var end = word
    while end < hole.middle.upperBound, Blanks.isWord(bytes[end]) { end += 1 }
    if kind == .lineTail, end == word || (word > lowest && Blanks.isWord(bytes[word - 1])) {
      // The cursor stands behind a word: somewhere inside of it instead.
      while word > lowest, Blanks.isWord(bytes[word - 1]) { word -= 1 }
    }
    let characters = (word..<end).filter { Blanks.startsCharacter(bytes[$0]) }
    guard characters.count >= 2 else { return nil }
    let place = characters[1 + generator.below(characters.count - 1)]
    // A name that is cut may leave too little.
    guard hole.middle.upperBound - place >= 3 else { return nil }
    return (word, place)
  }
}

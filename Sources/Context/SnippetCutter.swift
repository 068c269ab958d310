/// Cuts lines that fit a budget out of a piece of a file.
struct SnippetCutter {
  let content: ContentCache.Content
  let maximumLines: Int
  let budgetBytes: Int
  let scoring: ContextWeights

  /// The part of `lines` to show: all of them when they fit, else the beginning of a definition, or the stretch of a
  /// chunk that says most about the nearby words. Nil when not even one line fits.
  func cut(_ lines: Range<Int>, isDefinition: Bool, weights: WordWorth) -> Range<Int>? {
    let whole = trimmed(lines.clamped(to: 0..<content.lineCount))
    guard !whole.isEmpty else { return nil }
    if fits(whole) { return whole }
    let start = isDefinition ? whole.lowerBound : bestStart(whole, weights)
    var end = start
    while end < whole.upperBound, fits(start..<end + 1) { end += 1 }
    guard end > start else { return nil }
    let cut = trimmed(start..<border(start, end, of: whole))
    return cut.isEmpty ? nil : cut
  }

  private func fits(_ lines: Range<Int>) -> Bool {
    lines.count <= maximumLines && content.bytes(of: lines).count <= budgetBytes
  }

  /// The start from which a stretch that fits holds the most weight.
  private func bestStart(_ lines: Range<Int>, _ weights: WordWorth) -> Int {
    var words: [WordScanner.Word] = []
    var worth: [Float] = content.bytes.withUnsafeBufferPointer { bytes in
      lines.map { line in
        words.removeAll(keepingCapacity: true)
        WordScanner.scan(bytes, content.bytes(of: line..<line + 1), into: &words)
        return words.reduce(0) { $0 + weights[$1.hash] }
      }
    }
    for line in worth.indices.reversed() {
      if line > 0 { worth[line] += scoring.following * worth[line - 1] }
      if line > 1 { worth[line] += scoring.following * worth[line - 2] }
    }
    var best = (start: lines.lowerBound, worth: Float(-1))
    var end = lines.lowerBound
    var sum: Float = 0
    for start in lines {
      while end < lines.upperBound, fits(start..<end + 1) {
        sum += worth[end - lines.lowerBound]
        end += 1
      }
      guard end > start else {
        end = start + 1
        continue
      }
      // The head of a chunk says what it is.
      let value = start == lines.lowerBound ? sum * scoring.headBonus : sum
      if value > best.worth, !isBlank(start) { best = (start, value) }
      sum -= worth[start - lines.lowerBound]
    }
    return best.start
  }

  /// The end of a stretch, moved back to a blank line or to where the text is indented least, but not before its middle.
  private func border(_ start: Int, _ end: Int, of whole: Range<Int>) -> Int {
    guard end < whole.upperBound, end - start > 2 else { return end }
    let earliest = start + (end - start + 1) / 2
    var best = (line: end, indentation: isBlank(end) ? -1 : indentation(end))
    for line in (earliest..<end).reversed() {
      let depth = isBlank(line) ? -1 : indentation(line)
      if depth < best.indentation { best = (line, depth) }
    }
    return best.line
  }

  private func trimmed(_ lines: Range<Int>) -> Range<Int> {
    var start = lines.lowerBound
    var end = lines.upperBound
    while start < end, isBlank(start) { start += 1 }
    while end > start, isBlank(end - 1) { end -= 1 }
    return start..<end
  }

  private func isBlank(_ line: Int) -> Bool {
    let range = content.bytes(of: line..<line + 1)
    return content.bytes.withUnsafeBufferPointer { bytes in
      for index in range where bytes[index] > 0x20 { return false }
      return true
    }
  }

  private func indentation(_ line: Int) -> Int {
    let range = content.bytes(of: line..<line + 1)
    return content.bytes.withUnsafeBufferPointer { bytes in
      var index = range.lowerBound
      while index < range.upperBound, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
      return index - range.lowerBound
    }
  }
}

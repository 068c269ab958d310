import Syntax

/// Lines that a later version of a file has and the earlier one lacks, with the text around them.
public struct InsertedSpan: Sendable, Equatable {
  /// Repository-relative path.
  public let path: String
  /// Language name.
  public let language: String
  /// The commit or release that brought the lines.
  public let origin: String
  /// A file that holds the lines.
  public let contents: [UInt8]
  /// The new lines in `contents`; whole lines.
  public let range: Range<Int>
  /// True when nothing was removed where the lines stand.
  public let isPure: Bool
  /// SPDX identifier of the file's licence, "" where its notice names none that is known; nil where nothing tells one.
  public let licence: String?

  /// Longest span that is worth an example, in bytes.
  public static let maximumBytes = 700

  /// The inserted and replaced spans between two versions of a file.
  ///
  /// - Parameters:
  ///   - contextIsOld: true to show each span alone in the old file, false to show it in the new file.
  ///   - licence: the file's, where it is not what its notice says.
  public static func between(
    old: [UInt8], new: SourceFile, commit: String, contextIsOld: Bool, licence: String? = nil
  ) -> [InsertedSpan] {
    let before = LineIndex(old)
    let after = LineIndex(new.bytes)
    return LineDiff.hunks(old: old, oldLines: before, new: new.bytes, newLines: after).compactMap { hunk in
      guard !hunk.new.isEmpty else { return nil }
      let added = after.range(of: hunk.new)
      // A placeholder is no text that anybody wrote.
      guard !new.redactions.contains(where: { $0.range.overlaps(added) }) else { return nil }
      var contents = new.bytes
      var range = added
      if contextIsOld {
        let start = hunk.old.lowerBound < before.count ? before.starts[hunk.old.lowerBound] : old.count
        let end = hunk.old.upperBound < before.count ? before.starts[hunk.old.upperBound] : old.count
        var head = Array(old[..<start])
        if let last = head.last, last != 0x0A { head.append(0x0A) }
        contents = head + new.bytes[added] + old[end...]
        range = head.count..<(head.count + added.count)
      }
      return InsertedSpan(
        path: new.path, language: new.language, origin: commit, contents: contents, range: range,
        isPure: hunk.old.isEmpty, licence: licence ?? new.licenceName)
    }
  }
}

/// Which lines differ between two texts.
enum LineDiff {
  /// Lines of the old text that were replaced by lines of the new one; one of both may be empty.
  struct Hunk: Equatable {
    let old: Range<Int>
    let new: Range<Int>
  }

  /// The differences in order. Texts that differ in more than 3 000 lines count as replaced from the first to the
  /// last difference.
  static func hunks(old: [UInt8], oldLines: LineIndex, new: [UInt8], newLines: LineIndex) -> [Hunk] {
    var numbers: [ArraySlice<UInt8>: Int] = [:]
    func number(_ line: ArraySlice<UInt8>) -> Int {
      if let known = numbers[line] { return known }
      numbers[line] = numbers.count
      return numbers.count - 1
    }
    let left = old.isEmpty ? [] : (0..<oldLines.count).map { number(trimmed(old[oldLines.range(of: $0)])) }
    let right = new.isEmpty ? [] : (0..<newLines.count).map { number(trimmed(new[newLines.range(of: $0)])) }
    var start = 0
    while start < min(left.count, right.count), left[start] == right[start] { start += 1 }
    var tail = 0
    while tail < min(left.count, right.count) - start,
      left[left.count - 1 - tail] == right[right.count - 1 - tail]
    {
      tail += 1
    }
    let inner = (
      old: Array(left[start..<(left.count - tail)]), new: Array(right[start..<(right.count - tail)])
    )
    if inner.old.isEmpty || inner.new.isEmpty || inner.old.count + inner.new.count > 3_000 {
      let whole = Hunk(old: start..<(left.count - tail), new: start..<(right.count - tail))
      return whole.old.isEmpty && whole.new.isEmpty ? [] : [whole]
    }
    return group(
      inner.new.difference(from: inner.old), oldCount: inner.old.count, newCount: inner.new.count, at: start)
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var line = line
    if line.last == 0x0A { line = line.dropLast() }
    if line.last == 0x0D { line = line.dropLast() }
    return line
  }

  /// Walks both texts in step and joins neighbouring removals and insertions.
  private static func group(
    _ difference: CollectionDifference<Int>, oldCount: Int, newCount: Int, at start: Int
  ) -> [Hunk] {
    var removed = [Bool](repeating: false, count: oldCount)
    var inserted = [Bool](repeating: false, count: newCount)
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed[offset] = true
      case .insert(let offset, _, _): inserted[offset] = true
      }
    }
    var hunks: [Hunk] = []
    var old = 0
    var new = 0
    while old < oldCount || new < newCount {
      let firstOld = old
      let firstNew = new
      while old < oldCount, removed[old] { old += 1 }
      while new < newCount, inserted[new] { new += 1 }
      if old > firstOld || new > firstNew {
        hunks.append(Hunk(old: (start + firstOld)..<(start + old), new: (start + firstNew)..<(start + new)))
      } else {
        old += 1
        new += 1
      }
    }
    return hunks
  }
}

import Syntax

/// A place where a later version of a file has text that the earlier one lacks.
public struct TextEdit: Sendable, Equatable {
  /// What was edited.
  public enum Kind: String, Sendable, Codable {
    /// Whole lines were inserted and nothing was removed.
    case lines
    /// One line became another.
    case inLine = "in-line"
  }

  /// What was edited.
  public let kind: Kind
  /// The new text in the later version: whole lines, or the part of the line that changed.
  public let range: Range<Int>
  /// The text that stood there before; empty where nothing was removed.
  public let replaced: [UInt8]
  /// Other ranges of the same length whose removal gives the same earlier text: a comparison of texts cannot tell
  /// which of them was typed.
  public let alternatives: [Range<Int>]

  private static let mostAlternatives = 40

  /// The inserted lines and the one-line edits between two versions of a file; longer replacements are left out.
  public static func between(old: [UInt8], new: [UInt8]) -> [TextEdit] {
    let before = LineIndex(old)
    let after = LineIndex(new)
    return LineDiff.hunks(old: old, oldLines: before, new: new, newLines: after).compactMap { hunk in
      if hunk.old.isEmpty, !hunk.new.isEmpty {
        return TextEdit(
          kind: .lines, range: after.range(of: hunk.new), replaced: [],
          alternatives: slides(of: hunk.new, in: new, lines: after))
      }
      guard hunk.old.count == 1, hunk.new.count == 1 else { return nil }
      return inLine(
        old: old, before.range(of: hunk.old.lowerBound), new: new, after.range(of: hunk.new.lowerBound))
    }
  }

  /// Inserted lines may be moved up while the line above them equals their last, and down while their first equals
  /// the line below.
  private static func slides(of lines: Range<Int>, in text: [UInt8], lines index: LineIndex) -> [Range<Int>] {
    var found: [Range<Int>] = []
    var up = lines
    while found.count < mostAlternatives / 2, up.lowerBound > 0,
      text[index.range(of: up.lowerBound - 1)] == text[index.range(of: up.upperBound - 1)]
    {
      up = up.lowerBound - 1..<up.upperBound - 1
      found.append(index.range(of: up))
    }
    var down = lines
    while found.count < mostAlternatives, down.upperBound < index.count,
      text[index.range(of: down.upperBound)] == text[index.range(of: down.lowerBound)]
    {
      down = down.lowerBound + 1..<down.upperBound + 1
      found.append(index.range(of: down))
    }
    return found
  }

  /// What differs between two lines, without the common beginning and end; nil when nothing is new.
  private static func inLine(
    old: [UInt8], _ oldLine: Range<Int>, new: [UInt8], _ newLine: Range<Int>
  ) -> TextEdit? {
    let most = min(oldLine.count, newLine.count)
    var head = 0
    while head < most, old[oldLine.lowerBound + head] == new[newLine.lowerBound + head] { head += 1 }
    while head > 0, head < newLine.count, isContinuation(new[newLine.lowerBound + head]) { head -= 1 }
    var tail = 0
    while tail < most - head, old[oldLine.upperBound - 1 - tail] == new[newLine.upperBound - 1 - tail] {
      tail += 1
    }
    while tail > 0, isContinuation(new[newLine.upperBound - tail]) { tail -= 1 }
    let range = newLine.lowerBound + head..<newLine.upperBound - tail
    guard !range.isEmpty else { return nil }
    let replaced = Array(old[oldLine.lowerBound + head..<oldLine.upperBound - tail])
    var found: [Range<Int>] = []
    if replaced.isEmpty {
      var left = range
      while found.count < mostAlternatives, left.lowerBound > newLine.lowerBound,
        new[left.lowerBound - 1] == new[left.upperBound - 1]
      {
        left = left.lowerBound - 1..<left.upperBound - 1
        if !isContinuation(new[left.lowerBound]) { found.append(left) }
      }
    }
    return TextEdit(kind: .inLine, range: range, replaced: replaced, alternatives: found)
  }

  private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}

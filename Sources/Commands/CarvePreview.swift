import Carving
import Context
import Foundation
import Weights

/// Examples as people read them: the hole with a few lines around it, what was cut and what stands beside it.
struct CarvePreview {
  let console: Console

  private static let linesBefore = 9
  private static let linesAfter = 5
  private static let contextLines = 3
  /// Of a document that has no hole.
  private static let plainLines = 12

  /// Prints an example. On a terminal the hole is green and what is behind it dim; elsewhere the hole stands in ⟦ ⟧.
  func show(_ example: FIMExample) {
    console.print(console.styled(Self.head(example), .bold))
    if !example.nodePath.isEmpty { console.print(console.styled(example.nodePath.printableName, .dim)) }
    for snippet in example.context { show(snippet) }
    if example.kind == .plain {
      let lines = Self.lines(example.prefix + example.middle + example.suffix)
      let shown = lines.prefix(Self.plainLines).joined(separator: "\n")
      console.print(shown + (lines.count > Self.plainLines ? "\n…\n" : "\n"))
      return
    }
    let before = Self.lines(example.prefix).suffix(Self.linesBefore).joined(separator: "\n")
    let after = Self.lines(example.suffix).prefix(Self.linesAfter)
    let hole = Self.lines(example.middle)
    let marked =
      console.outputIsTerminal && !example.middle.isEmpty
      ? hole.map { console.styled($0, .green) }.joined(separator: "\n")
      : "⟦" + hole.joined(separator: "\n") + "⟧"
    console.print(
      before + marked + after.map { $0.isEmpty ? "" : console.styled($0, .dim) }.joined(separator: "\n")
        + "\n")
  }

  private func show(_ snippet: ContextSnippet) {
    let lines = Self.lines(snippet.text.hasSuffix("\n") ? String(snippet.text.dropLast()) : snippet.text)
    let count = "\(lines.count) line\(lines.count == 1 ? "" : "s")"
    console.print(
      console.styled(
        "context \(snippet.source.rawValue): \(snippet.path.printableName):\(snippet.firstLine), \(count)",
        .cyan))
    for line in lines.prefix(Self.contextLines) { console.print(console.styled("  | " + line, .dim)) }
    if lines.count > Self.contextLines { console.print(console.styled("  | …", .dim)) }
  }

  /// Path, language, class, bytes, modifiers and difficulty, as far as there are such.
  static func head(_ example: FIMExample) -> String {
    var words = [
      example.path.printableName, example.language, "class \(example.kind.rawValue)",
      "bytes \(example.middleStart)..<\(example.middleEnd)",
    ]
    words += example.modifiers.map(\.rawValue)
    if let difficulty = example.difficulty { words.append("difficulty \(Figures.decimal(difficulty, 3))") }
    return words.joined(separator: "  ")
  }

  private static func lines(_ text: String) -> [String] {
    text.printable.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// An example with everything that its line in a result file has.
  static func json(_ example: FIMExample) -> JSONValue {
    [
      "path": .string(example.path), "language": .string(example.language),
      "kind": .string(example.kind.rawValue), "nodePath": .string(example.nodePath),
      "windowStart": .int(example.windowStart), "middleStart": .int(example.middleStart),
      "middleEnd": .int(example.middleEnd), "unitStart": .int(example.unit.lowerBound),
      "unitEnd": .int(example.unit.upperBound),
      "modifiers": .array(example.modifiers.map { .string($0.rawValue) }),
      "context": .array(
        example.context.map {
          [
            "path": .string($0.path), "source": .string($0.source.rawValue), "firstLine": .int($0.firstLine),
            "text": .string($0.text),
          ]
        }),
      "difficulty": example.difficulty.map { .double($0) } ?? .null,
      "contentHash": .string(example.contentHash), "prefix": .string(example.prefix),
      "middle": .string(example.middle), "suffix": .string(example.suffix),
    ]
  }
}

/// Figures as the tables of `gemfill carve` show them.
enum Figures {
  /// `1 file`, `2 files`.
  static func count(_ count: Int, _ name: String) -> String { "\(count) \(name)\(count == 1 ? "" : "s")" }

  /// With so many digits behind the point.
  static func decimal(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

  /// `12.3 %`, or a dash for a share of nothing.
  static func share(_ part: Int, of whole: Int) -> String {
    whole == 0 ? "-" : decimal(100 * Double(part) / Double(whole), 1) + " %"
  }
}

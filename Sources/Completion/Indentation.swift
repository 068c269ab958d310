/// How a file indents, and how generated lines are made to agree with it.
struct Indentation: Sendable, Equatable {
  /// True when lines begin with tabs.
  let usesTabs: Bool

  /// Looks at the lines around the cursor; spaces where there is nothing to see.
  init(_ cursor: CursorContext) {
    var tabs = 0
    var spaces = 0
    for text in [cursor.before.suffix(4_096), cursor.behind.prefix(2_048)] {
      for line in Bytes.lines(text) {
        if line.first == Bytes.tab {
          tabs += 1
        } else if line.starts(with: [Bytes.space, Bytes.space]) {
          spaces += 1
        }
      }
    }
    usesTabs = tabs > spaces
  }

  /// Writes the indentation of every line but the first in the file's own way.
  func applied(to text: [UInt8]) -> [UInt8] {
    let lines = Bytes.lines(text[...])
    guard lines.count > 1 else { return text }
    var result = Array(lines[0])
    for line in lines.dropFirst() {
      result.append(Bytes.newline)
      let old = Bytes.indentation(line)
      let foreign = usesTabs ? Bytes.space : Bytes.tab
      if old.contains(foreign), !(usesTabs && old.first == Bytes.tab) {
        let width = Bytes.width(old)
        result += Array(repeating: Bytes.tab, count: usesTabs ? width / 4 : 0)
        result += Array(repeating: Bytes.space, count: usesTabs ? width % 4 : width)
      } else {
        result += old
      }
      result += line[old.endIndex...]
    }
    return result
  }

  /// Takes away white space that would indent the first line more deeply than the line above allows.
  static func firstLineFitted(_ text: ArraySlice<UInt8>, at cursor: CursorContext) -> ArraySlice<UInt8> {
    guard cursor.lineStartIsBlank, let first = text.first, Bytes.isBlank(first) else { return text }
    guard let above = cursor.linesAbove(1).first else { return text.drop(while: Bytes.isBlank) }
    let last = Bytes.trimmed(above).last ?? 0
    guard !opensBlock(last) else { return text }
    let allowed = Bytes.width(Bytes.indentation(above))
    var taken = text.prefix(while: Bytes.isBlank)
    while !taken.isEmpty, Bytes.width((cursor.lineStart + taken)[...]) > allowed { taken.removeLast() }
    return taken + text.drop(while: Bytes.isBlank)
  }

  private static func opensBlock(_ last: UInt8) -> Bool {
    Bytes.isOpener(last)
      || [":", ",", "=", "\\", ">", "+", "|", "&", "?"].contains { $0 == Unicode.Scalar(last) }
  }
}

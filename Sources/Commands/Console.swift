import Foundation
import Synchronization
import Weights

/// Where a command talks: data to stdout, everything else to stderr.
///
/// Safe to call from any thread. A terminal gets colours and one progress line that is rewritten; a pipe gets
/// plain lines. `--json` silences `print` and `table`, `--quiet` silences `note` and `progress`.
public final class Console: Sendable {
  /// Receives bytes; replaced in tests.
  public typealias Sink = @Sendable (_ bytes: [UInt8]) -> Void

  /// Colours and weights of text on a terminal.
  public enum Style: String, Sendable {
    case bold = "1"
    case dim = "2"
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
  }

  /// On which side a table's column is filled up.
  public enum Alignment: Sendable {
    case left, right
  }

  /// Whether `--json` was given.
  public let isJSON: Bool
  /// Whether `--quiet` was given.
  public let isQuiet: Bool
  /// Whether people read stdout.
  public let outputIsTerminal: Bool
  /// Whether people read stderr.
  public let errorIsTerminal: Bool
  private let usesColour: Bool
  private let output: Sink
  private let error: Sink
  private let now: @Sendable () -> Double
  private let progressState = Mutex(ProgressState())

  private struct ProgressState {
    var lineIsOpen = false
    var lastPlainLine = -Double.infinity
  }

  /// The process's own streams.
  public convenience init(json: Bool, quiet: Bool) {
    let outputIsTerminal = isatty(1) == 1
    let errorIsTerminal = isatty(2) == 1
    let environment = ProcessInfo.processInfo.environment
    let plain = environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
    self.init(
      json: json, quiet: quiet, outputIsTerminal: outputIsTerminal, errorIsTerminal: errorIsTerminal,
      usesColour: !plain, output: { StandardStream.write($0, to: 1) },
      error: { StandardStream.write($0, to: 2) })
  }

  /// A console with its own sinks and clock (seconds).
  public init(
    json: Bool, quiet: Bool, outputIsTerminal: Bool = false, errorIsTerminal: Bool = false,
    usesColour: Bool = false, output: @escaping Sink, error: @escaping Sink,
    now: @escaping @Sendable () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }
  ) {
    self.isJSON = json
    self.isQuiet = quiet
    self.outputIsTerminal = outputIsTerminal
    self.errorIsTerminal = errorIsTerminal
    self.usesColour = usesColour
    self.output = output
    self.error = error
    self.now = now
  }

  /// Writes a line of data for people to stdout. Silent with `--json`.
  public func print(_ line: String = "") {
    guard !isJSON else { return }
    writeData(Array((line + "\n").utf8))
  }

  /// Writes the command's one JSON object to stdout. Silent without `--json`.
  public func emit(json: @autoclosure () -> JSONValue) {
    guard isJSON else { return }
    writeData(json().serialized() + [UInt8(ascii: "\n")])
  }

  /// Writes raw bytes to stdout, also with `--json`.
  public func write(bytes: [UInt8]) { writeData(bytes) }

  /// Says something on stderr. Silent with `--quiet`.
  public func note(_ line: String) {
    if !isQuiet { talk(line) }
  }

  /// Warns on stderr, also with `--quiet`.
  public func warn(_ line: String) { talk(paint("warning: ", .yellow, errorIsTerminal) + line) }

  /// Says on stderr why the command failed, in one line.
  public func fail(_ line: String, program: String = "gemfill") {
    let oneLine = line.split(whereSeparator: \.isNewline).joined(separator: " ")
    talk(paint("\(program): ", .red, errorIsTerminal) + oneLine)
  }

  /// Shows how far the work is. A terminal's line is rewritten; a pipe gets a line at most every five seconds.
  public func progress(_ line: String) {
    guard !isQuiet else { return }
    progressState.withLock { state in
      if errorIsTerminal {
        state.lineIsOpen = true
        error(Array("\r\u{1B}[K\(line.prefix(Self.terminalWidth() - 1))".utf8))
      } else if now() - state.lastPlainLine >= 5 {
        state.lastPlainLine = now()
        error(Array((line + "\n").utf8))
      }
    }
  }

  /// Ends the progress line, so that what follows starts on a line of its own.
  public func endProgress() {
    progressState.withLock { state in
      if state.lineIsOpen { error([UInt8(ascii: "\n")]) }
      state.lineIsOpen = false
      state.lastPlainLine = -Double.infinity
    }
  }

  /// `[#####.....]` for a fraction from 0 to 1.
  public static func bar(_ fraction: Double, width: Int = 24) -> String {
    let share = fraction.isFinite ? min(1, max(0, fraction)) : 0
    let filled = Int((share * Double(width)).rounded())
    return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled) + "]"
  }

  /// Colours text for stdout when it is a terminal.
  public func styled(_ text: String, _ style: Style) -> String { paint(text, style, outputIsTerminal) }

  /// Prints rows under a header in aligned columns. Silent with `--json`.
  public func table(_ header: [String], _ rows: [[String]], alignment: [Alignment] = []) {
    guard !isJSON else { return }
    for (index, line) in Self.layOut([header] + rows, alignment: alignment).enumerated() {
      print(index == 0 ? styled(line, .bold) : line)
    }
  }

  /// The lines of a table: columns two spaces apart, no trailing blanks. Missing cells are empty.
  static func layOut(_ rows: [[String]], alignment: [Alignment]) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = (0..<columns).map { column -> String in
        let cell = row.count > column ? row[column] : ""
        let blank = String(repeating: " ", count: widths[column] - cell.count)
        return alignment.count > column && alignment[column] == .right ? blank + cell : cell + blank
      }
      let line = cells.joined(separator: "  ")
      return String(line.prefix(line.count - line.reversed().prefix { $0 == " " }.count))
    }
  }

  private func writeData(_ bytes: [UInt8]) {
    progressState.withLock { state in
      if state.lineIsOpen {
        error(Array("\r\u{1B}[K".utf8))
        state.lineIsOpen = false
      }
      output(bytes)
    }
  }

  private func talk(_ line: String) {
    progressState.withLock { state in
      let clear = state.lineIsOpen ? "\r\u{1B}[K" : ""
      state.lineIsOpen = false
      error(Array((clear + line + "\n").utf8))
    }
  }

  private func paint(_ text: String, _ style: Style, _ terminal: Bool) -> String {
    usesColour && terminal ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  private static func terminalWidth() -> Int {
    var size = winsize()
    let known = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1
    return known ? Int(size.ws_col) : 80
  }
}

/// Whole writes to the process's streams.
enum StandardStream {
  /// Writes all bytes. A reader that went away ends the process quietly when it read stdout.
  static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var offset = 0
    while offset < bytes.count {
      let written = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { Foundation.write(descriptor, $0 + offset, bytes.count - offset) } ?? -1
      }
      if written > 0 {
        offset += written
      } else if written < 0, errno == EINTR || errno == EAGAIN {
        if errno == EAGAIN { usleep(1_000) }
      } else {
        if descriptor == 1, errno == EPIPE { exit(141) }
        return
      }
    }
  }
}

import Corpus
import Foundation
import Training
import Weights

/// Runs `scripts/torch/train.py` in a run's folder and shows how far it is.
struct TorchEngine {
  let python: TorchPython
  let options: TorchOptions
  let console: Console

  /// How a run ended.
  enum End {
    case finished
    case stopped(step: Int)
  }

  /// Trains; a first Ctrl-C ends the run after its step with a checkpoint.
  ///
  /// - Throws: `Failure` with what the program said last.
  func run(in folder: String, resume: Bool) throws -> End {
    let stop = folder + "/stop"
    try? FileManager.default.removeItem(atPath: stop)
    let words = launch(node: 0) + [folder, "--lines"] + (resume ? ["--resume"] : [])
    if options.nodes > 1 { tellOthers(folder, resume) }
    let logPath = folder + "/torch.log"
    let log = open(logPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard log >= 0 else {
      throw Failure("\(logPath): cannot be written: \(String(cString: strerror(errno)))")
    }
    defer { close(log) }
    var environment = ProcessInfo.processInfo.environment
    environment["PYTHONUNBUFFERED"] = "1"
    let child: ChildProcess
    do {
      child = try ChildProcess(python.path, words, environment: environment, messages: log)
    } catch {
      throw Failure("\(python.path) cannot be started: \(error.reason)")
    }
    defer { close(child.output) }
    var end: End?
    var isStopping = false
    LineReader(descriptor: child.output).read(
      line: { line in
        guard let event = try? JSONValue(parsing: line) else { return }
        end = show(event) ?? end
      },
      idle: {
        guard Interrupt.isRequested, !isStopping else { return }
        isStopping = true
        _ = FileManager.default.createFile(atPath: stop, contents: nil)
      })
    let status = child.waitForExit()
    console.endProgress()
    if status == 0, let end { return end }
    throw Failure("PyTorch ended with \(status): \(Self.reason(logPath)); all that it said is in \(logPath)")
  }

  /// The program with the words before those of `train.py` itself.
  private func launch(node: Int) -> [String] {
    let script = python.scripts + "/train.py"
    let processes = options.processes ?? max(1, python.gpuCount)
    if options.nodes > 1 {
      let parts = meeting.split(separator: ":")
      return [
        "-m", "torch.distributed.run", "--nnodes", "\(options.nodes)", "--node-rank", "\(node)",
        "--master-addr",
        parts.dropLast().joined(separator: ":"), "--master-port", String(parts.last ?? "29500"),
        "--nproc-per-node", "\(processes)", script,
      ]
    }
    guard processes > 1 else { return [script] }
    return ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "\(processes)", script]
  }

  private var meeting: String { options.meeting ?? "\(ProcessInfo.processInfo.hostName):29500" }

  private func tellOthers(_ folder: String, _ resume: Bool) {
    console.note(
      "waiting for \(options.nodes - 1) more; start on each, with this folder shared and its own number:")
    for node in 1..<min(options.nodes, 4) {
      let words = [python.path] + launch(node: node) + [folder] + (resume ? ["--resume"] : [])
      console.note("  " + words.joined(separator: " "))
    }
  }

  /// Shows an event; the end of the run where it is one.
  private func show(_ event: JSONValue) -> End? {
    func number(_ key: String) -> Double { event[key]?.doubleValue ?? 0 }
    switch event["event"]?.stringValue {
    case "step":
      let left = Int(min(1e9, max(0, number("remaining"))))
      console.progress(
        String(
          format: "%@ step %d  loss %.3f  %.0f tokens/s  %d:%02d left", Console.bar(number("fraction")),
          event["step"]?.intValue ?? 0, number("loss"), number("tokens_per_second"), left / 60, left % 60))
      return nil
    case "stopped": return .stopped(step: event["step"]?.intValue ?? 0)
    case "finished": return .finished
    default: return nil
    }
  }

  /// The program's own line about what went wrong, else the last one.
  private static func reason(_ path: String) -> String {
    let text =
      (try? RegularFile.read(path, limit: 16 << 20)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
    let own = lines.last { $0.hasPrefix("train.py: ") }?.dropFirst("train.py: ".count)
    return own.map(String.init) ?? lines.last { !$0.isEmpty } ?? "it said nothing"
  }
}

/// The lines that a program writes, as they come.
struct LineReader {
  let descriptor: Int32
  /// Longest line that is kept; what is longer is no line of ours.
  private static let longest = 1 << 20

  /// Calls `line` with every line, without its end, until the program closes its output; `idle` at least every fifth of a
  /// second.
  func read(line: ([UInt8]) -> Void, idle: () -> Void) {
    var rest: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      idle()
      var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let count = poll(&ready, 1, 200)
      if count < 0, errno != EINTR { break }
      guard count > 0 else { continue }
      let size = Foundation.read(descriptor, &buffer, buffer.count)
      if size < 0, errno == EINTR { continue }
      guard size > 0 else { break }
      rest += buffer[0..<size]
      var parts = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      rest = parts.popLast().map(Array.init) ?? []
      for part in parts { line(Array(part)) }
      if rest.count > Self.longest { rest = [] }
    }
    if !rest.isEmpty { line(rest) }
  }
}

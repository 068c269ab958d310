import Foundation

/// Runs `git` in a folder that is not trusted: nothing that its configuration names is started, nothing is written.
struct GitCommand: Sendable {
  let root: String

  /// What overrules the repository's configuration: every key that names a program which our commands would start.
  private static let settings = [
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.quotePath=false", "log.showSignature=false",
    "gpg.program=false", "gpg.openpgp.program=false", "gpg.x509.program=false", "gpg.ssh.program=false",
  ]

  /// The environment of git: ours without the `GIT_*` variables, which would point it at another repository.
  static func environment(_ inherited: [String: String]) -> [String: String] {
    inherited.filter { !$0.key.hasPrefix("GIT_") }.merging(
      [
        "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        "LC_ALL": "C",
      ],
      uniquingKeysWith: { $1 })
  }

  /// Starts git.
  ///
  /// - Parameters: as of `ChildProcess`.
  func start(
    _ arguments: [String], input: Int32? = nil, messages: Int32? = nil
  ) throws(ChildProcess.Failure) -> ChildProcess {
    try ChildProcess(
      "git",
      ["-C", root, "--no-optional-locks", "--literal-pathspecs"]
        + Self.settings.flatMap { ["-c", $0] } + arguments,
      environment: Self.environment(ProcessInfo.processInfo.environment), input: input, messages: messages)
  }

  /// The bytes that git writes to its standard output.
  ///
  /// - Throws: `CorpusError.gitUnavailable`, or `.gitFailed` with what git said.
  func run(_ arguments: [String]) throws(CorpusError) -> [UInt8] {
    var output: [UInt8] = []
    try stream(arguments, input: nil) { handle in
      output = [UInt8](handle.readDataToEndOfFile())
    }
    return output
  }

  /// A temporary file with the lines; the caller removes it.
  static func inputFile(_ lines: [String]) throws(CorpusError) -> URL {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-input-\(UUID().uuidString)")
    do {
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
    } catch {
      throw .unreadable(path: file.path, reason: error.localizedDescription)
    }
    return file
  }

  /// Starts git, hands its output to `body`, and waits for its end.
  ///
  /// - Parameter input: a file for the standard input; a file, so that no write can block or meet a closed pipe.
  func stream(
    _ arguments: [String], input: URL?, body: (FileHandle) -> Void
  ) throws(CorpusError) {
    let messages = try Self.unnamedFile()
    defer { close(messages) }
    let source = try input.map { (file: URL) throws(CorpusError) -> Int32 in
      let descriptor = open(file.path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else {
        throw .unreadable(path: file.path, reason: String(cString: strerror(errno)))
      }
      return descriptor
    }
    defer { if let source { close(source) } }
    let process: ChildProcess
    do {
      process = try start(arguments, input: source, messages: messages)
    } catch {
      throw .gitUnavailable(reason: error.isMissingProgram ? "git is not in PATH" : error.reason)
    }
    let output = FileHandle(fileDescriptor: process.output, closeOnDealloc: true)
    body(output)
    // Whatever the reader left: a full pipe would keep git from ending.
    while !output.availableData.isEmpty {}
    let status = process.waitForExit()
    guard status == 0 else {
      throw .gitFailed(command: arguments.first ?? "", status: status, message: Self.text(of: messages))
    }
  }

  /// A new file that no name leads to; the caller closes it.
  private static func unnamedFile() throws(CorpusError) -> Int32 {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-git-\(UUID().uuidString)"
    ).path
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
    unlink(path)
    return descriptor
  }

  /// The beginning of a file that was written, as text.
  private static func text(of file: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 4_096)
    let count = pread(file, &bytes, bytes.count, 0)
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

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

  /// A process that is ready to start, without its three files.
  func process(_ arguments: [String]) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["git", "-C", root, "--no-optional-locks", "--literal-pathspecs"]
      + Self.settings.flatMap { ["-c", $0] } + arguments
    process.environment = Self.environment(ProcessInfo.processInfo.environment)
    return process
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
    let process = self.process(arguments)
    let output = Pipe()
    process.standardOutput = output
    let messages = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-git-\(UUID().uuidString)")
    _ = FileManager.default.createFile(atPath: messages.path, contents: nil)
    defer { try? FileManager.default.removeItem(at: messages) }
    do {
      process.standardError = try FileHandle(forWritingTo: messages)
      process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
      try process.run()
    } catch {
      throw .gitUnavailable(reason: error.localizedDescription)
    }
    body(output.fileHandleForReading)
    // Whatever the reader left: a full pipe would keep git from ending.
    while !output.fileHandleForReading.availableData.isEmpty {}
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let said = FileSystem.text(messages.path)?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
      if process.terminationStatus == 127 { throw .gitUnavailable(reason: said) }
      throw .gitFailed(command: arguments.first ?? "", status: process.terminationStatus, message: said)
    }
  }
}

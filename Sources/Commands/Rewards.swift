import Evaluation
import Foundation
import Syntax
import Training
import Weights

/// The rewards that are built in.
enum RewardName: String, CaseIterable {
  /// Adds no syntax error.
  case parses
  /// Is what stood there, up to white space.
  case exact
  /// How near it comes to that.
  case similarity
  /// Share of its names that exist around it.
  case names
}

/// A reward that is computed here. What is blank has none.
struct BuiltInReward: RewardFunction {
  let name: RewardName
  let catalog: LanguageCatalog

  func scores(_ rollouts: [Rollout]) -> [Double] { rollouts.map(score) }

  private func score(_ rollout: Rollout) -> Double {
    let completion = rollout.completion
    let blanks = completion.reversed().prefix { $0 <= 0x20 }.count
    guard blanks < completion.count else { return 0 }
    let truth = Array(rollout.example.middle.utf8)
    switch name {
    case .parses:
      guard let language = catalog.language(forPath: rollout.example.path) else { return 0 }
      let kept = CompletionSyntax(language: language).clip(
        prefix: Array(rollout.example.prefix.utf8), completion: completion,
        suffix: Array(rollout.example.suffix.utf8))
      return kept >= completion.count - blanks ? 1 : 0
    case .exact: return TextMetrics.matchesExactly(completion, truth) ? 1 : 0
    case .similarity: return TextMetrics.editSimilarity(completion, truth)
    case .names: return knownNames(completion, rollout)
    }
  }

  private func knownNames(_ completion: [UInt8], _ rollout: Rollout) -> Double {
    let used = Set(Self.names(completion))
    guard !used.isEmpty else { return 1 }
    let example = rollout.example
    var known = Set(Self.names(Array((example.prefix + "\n" + example.suffix + "\n" + example.middle).utf8)))
    for snippet in example.context { known.formUnion(Self.names(Array(snippet.text.utf8))) }
    return Double(used.count { known.contains($0) }) / Double(used.count)
  }

  /// Words that begin with a letter, the last one only where it has ended.
  private static func names(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
    func isLetter(_ byte: UInt8) -> Bool {
      (0x41...0x5A).contains(byte & 0xDF) || byte == UInt8(ascii: "_") || byte >= 0x80
    }
    let words = text.split { !isLetter($0) && !(0x30...0x39).contains($0) }
    return words.filter { $0.first.map(isLetter) ?? false }
  }
}

/// A program that reads answers as JSON lines on its standard input and prints one score a line.
///
/// A line is `{"path", "language", "prefix", "suffix", "completion", "truth", "finished"}`.
struct CommandReward: RewardFunction {
  let program: String
  let timeout: Double

  private static let mostOutput = 1 << 20

  func scores(_ rollouts: [Rollout]) throws -> [Double] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-reward-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (input, output) = (folder.appendingPathComponent("in"), folder.appendingPathComponent("out"))
    try Data(rollouts.flatMap(Self.line)).write(to: input)
    try Data().write(to: output)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.standardInput = try FileHandle(forReadingFrom: input)
    process.standardOutput = try FileHandle(forWritingTo: output)
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    do { try process.run() } catch {
      throw Failure("\(program): cannot be started: \(error.localizedDescription); give an executable file")
    }
    guard ended.wait(timeout: .now() + timeout) == .success else {
      kill(process.processIdentifier, SIGKILL)
      ended.wait()
      throw Failure(
        "\(program): gave no scores within \(timeout) s; raise --reward-timeout, or make it quicker")
    }
    guard process.terminationStatus == 0 else {
      throw Failure("\(program): ended with code \(process.terminationStatus); run it on a line by hand")
    }
    let text = try RegularFile.read(output.path, limit: Self.mostOutput)
    let scores = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isWhitespace).map {
      Double($0)
    }
    guard scores.count == rollouts.count, scores.allSatisfy({ $0?.isFinite ?? false }) else {
      throw Failure(
        "\(program): printed \(scores.count) words for \(rollouts.count) answers; it must print one number a line"
      )
    }
    return scores.compactMap(\.self)
  }

  private static func line(_ rollout: Rollout) -> [UInt8] {
    let value: JSONValue = [
      "path": .string(rollout.example.path), "language": .string(rollout.example.language),
      "prefix": .string(rollout.example.prefix), "suffix": .string(rollout.example.suffix),
      "completion": .string(String(decoding: rollout.completion, as: UTF8.self)),
      "truth": .string(rollout.example.middle), "finished": .bool(rollout.isFinished),
    ]
    return value.serialized() + [0x0A]
  }
}

import Acceptance
import CTreeSitter
import Database
import Foundation
import Generation
import Numerics
import Registry
import Syntax
import Weights

/// `gemfill doctor`: what is installed and found, and what is not.
struct DoctorCommand: Command {
  static let name = "doctor"
  static let summary = "Check what is installed, found and fast, and say how to mend what is not."
  static let discussion = "Exit code 1 means that something without which Gemfill cannot work is missing."

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let findings = Checkup(environment: ProcessInfo.processInfo.environment).findings()
    let worst = findings.contains { $0.state == .bad }
    console.emit(
      json: [
        "version": .string(Gemfill.version), "healthy": .bool(!worst),
        "findings": .array(
          findings.map {
            ["name": .string($0.name), "state": .string($0.state.rawValue), "text": .string($0.text)]
          }),
      ])
    let width = findings.map(\.name.count).max() ?? 0
    for finding in findings {
      let mark =
        switch finding.state {
        case .good: console.styled("ok  ", .green)
        case .note: console.styled("note", .yellow)
        case .bad: console.styled("BAD ", .red)
        }
      let name = finding.name + String(repeating: " ", count: width - finding.name.count)
      console.print("\(mark)  \(name)  \(finding.text)")
    }
    if worst {
      let names = findings.filter { $0.state == .bad }.map(\.name)
      throw Failure("not ready: \(names.joined(separator: ", ")); see the lines marked BAD")
    }
    return .done
  }
}

/// Looks at everything that Gemfill needs.
struct Checkup {
  /// How a finding stands.
  enum State: String {
    case good, note, bad
  }

  /// One thing looked at.
  struct Finding {
    let name: String
    let state: State
    let text: String
  }

  let environment: [String: String]

  func findings() -> [Finding] {
    [
      Finding(name: "gemfill", state: .good, text: "version \(Gemfill.version)"),
      machine(), kernels(), denseProducts(), base(), grammars(), treeSitter(), sqlite(), git(),
    ] + homeFindings()
  }

  private func machine() -> Finding {
    let memory = Double(ProcessInfo.processInfo.physicalMemory) / Double(1 << 30)
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let name = Self.field("model name", in: info) ?? "unknown CPU"
    return Finding(
      name: "machine", state: .good, text: "\(name), \(cores) cores, \(String(format: "%.1f", memory)) GiB")
  }

  /// The value behind `key :` in the text of /proc/cpuinfo.
  static func field(_ key: String, in text: String) -> String? {
    let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
    return line?.split(separator: ":", maxSplits: 1).dropFirst().first?.trimmingCharacters(in: .whitespaces)
  }

  private func kernels() -> Finding {
    Finding(name: "kernels", state: .good, text: Kernels.best.name)
  }

  private func base() -> Finding {
    do {
      let path = try EmbeddedBase.path(environment: environment)
      let engine = try Engine.load(path: path)
      let megabytes = (FileManager.default.contents(atPath: path)?.count ?? 0) >> 20
      let model = engine.model.configuration
      return Finding(
        name: "base model", state: .good,
        text: "\(path), \(megabytes) MiB, \(model.layerCount) layers of \(model.hiddenSize), "
          + "\(model.vocabularySize) pieces")
    } catch {
      return Finding(name: "base model", state: .bad, text: "\(error)")
    }
  }

  private func grammars() -> Finding {
    let catalog = LanguageCatalog.standard(environment: environment)
    var working: [String] = []
    var problems = catalog.problems.map(\.description)
    for name in catalog.names {
      do throws(SyntaxError) {
        _ = try catalog.load(name)
        working.append(name)
      } catch {
        problems.append("\(error)")
      }
    }
    let found = working.isEmpty ? "none found" : working.joined(separator: ", ")
    if working.isEmpty {
      return Finding(name: "grammars", state: .bad, text: "none works; run scripts/grammars")
    }
    return Finding(
      name: "grammars", state: problems.isEmpty ? .good : .note,
      text: ([found] + problems).joined(separator: "; "))
  }

  private func treeSitter() -> Finding {
    Finding(
      name: "tree-sitter", state: .good,
      text:
        "grammars of ABI \(TREE_SITTER_MIN_COMPATIBLE_LANGUAGE_VERSION) to \(TREE_SITTER_LANGUAGE_VERSION)")
  }

  private func sqlite() -> Finding {
    Finding(name: "sqlite", state: .good, text: Connection.libraryVersion)
  }

  private func git() -> Finding {
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    let place = folders.map { "\($0)/git" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    return Finding(
      name: "git", state: place == nil ? .note : .good,
      text: place ?? "not found; repositories cannot be split by commit time")
  }

  private func homeFindings() -> [Finding] {
    let home: Home
    do { home = try Home.standard(environment: environment) } catch {
      return [Finding(name: "home", state: .bad, text: "\(error)")]
    }
    guard FileManager.default.fileExists(atPath: home.path) else {
      return [Finding(name: "home", state: .good, text: "\(home.path), not yet made")]
    }
    let isWritable = FileManager.default.isWritableFile(atPath: home.path)
    return [
      Finding(
        name: "home", state: isWritable ? .good : .bad,
        text: home.path + (isWritable ? "" : " cannot be written; check its owner or set GEMFILL_HOME")),
      settings(home), adapters(home), log(home),
    ]
  }

  private func settings(_ home: Home) -> Finding {
    guard let bytes = FileManager.default.contents(atPath: home.settings) else {
      return Finding(name: "settings", state: .good, text: "none in \(home.settings); the standard ones hold")
    }
    do {
      let keys = try JSONValue(parsing: [UInt8](bytes)).objectValue?.keys ?? []
      return Finding(
        name: "settings", state: .good, text: "\(home.settings): \(keys.joined(separator: ", "))")
    } catch {
      return Finding(name: "settings", state: .bad, text: "\(home.settings): \(error)")
    }
  }

  private func adapters(_ home: Home) -> Finding {
    guard FileManager.default.fileExists(atPath: home.registry) else {
      return Finding(name: "adapters", state: .good, text: "none yet; 'gemfill train PATH' makes one")
    }
    do {
      let adapters = try ModelRegistry(home: home).adapters()
      let lost = adapters.filter { !FileManager.default.fileExists(atPath: $0.directory) }.map(\.name)
      let live = adapters.filter { $0.state == .live }.map(\.name)
      let text = "\(adapters.count), live: \(live.isEmpty ? "none" : live.joined(separator: ", "))"
      guard lost.isEmpty else {
        return Finding(
          name: "adapters", state: .bad, text: text + "; files are missing of \(lost.joined(separator: ", "))"
        )
      }
      return Finding(name: "adapters", state: .good, text: text)
    } catch {
      return Finding(name: "adapters", state: .bad, text: "\(error)")
    }
  }

  private func log(_ home: Home) -> Finding {
    do {
      let report = try AcceptanceReport(path: home.acceptanceLog)
      return Finding(name: "acceptance log", state: .good, text: "\(report.requests) requests")
    } catch {
      return Finding(name: "acceptance log", state: .bad, text: "\(error)")
    }
  }
}

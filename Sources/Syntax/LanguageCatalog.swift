import Foundation
import Synchronization

/// The languages that are installed, found by path or by name. Grammars are loaded when first asked for.
public final class LanguageCatalog: Sendable {
  /// Names of the described languages, sorted.
  public let names: [String]
  /// Descriptions that could not be read; the other languages still work.
  public let problems: [SyntaxError]

  private let entries: [String: Entry]
  private let nameByExtension: [String: String]
  private let nameByFileName: [String: String]
  private let nameByInterpreter: [String: String]
  private let loaded = Mutex<[String: Result<Language, SyntaxError>]>([:])

  private struct Entry: Sendable {
    let description: GrammarDescription
    let directory: String
  }

  /// Reads every `<directory>/<language>/grammar.json`; of two with one name the earlier directory's counts.
  public init(directories: [String]) {
    var entries: [String: Entry] = [:]
    var problems: [SyntaxError] = []
    for directory in directories {
      let folders = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
      for folder in folders.sorted() where entries[folder] == nil {
        let path = "\(directory)/\(folder)/grammar.json"
        guard FileManager.default.fileExists(atPath: path) else { continue }
        do throws(SyntaxError) {
          let description = try GrammarDescription.read(path)
          guard description.language == folder else {
            throw .malformedDescription(path: path, reason: "must name its folder as language")
          }
          entries[folder] = Entry(description: description, directory: directory)
        } catch {
          problems.append(error)
        }
      }
    }
    self.entries = entries
    self.problems = problems
    names = entries.keys.sorted()
    var byExtension: [String: String] = [:]
    var byFileName: [String: String] = [:]
    var byInterpreter: [String: String] = [:]
    for name in entries.keys.sorted(by: >) {
      guard let description = entries[name]?.description else { continue }
      for suffix in description.extensions { byExtension[suffix.lowercased()] = name }
      for file in description.fileNames { byFileName[file] = name }
      for program in description.interpreters { byInterpreter[program] = name }
    }
    nameByExtension = byExtension
    nameByFileName = byFileName
    nameByInterpreter = byInterpreter
  }

  /// Size, time and place of the files that a language is made of: another stamp, perhaps another language. Files that
  /// are missing count too, since a grammar may be built later.
  public func stamp(of name: String) -> String {
    guard let directory = entries[name]?.directory else { return "" }
    return ["\(name).so", "\(name)/grammar.json", "\(name)/nodes.json"].map { file in
      var status = stat()
      guard stat("\(directory)/\(file)", &status) == 0 else { return "-" }
      return "\(status.st_size).\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec).\(status.st_ino)"
    }.joined(separator: " ")
  }

  /// The grammars that `scripts/grammars` built: `$GEMFILL_GRAMMARS` (folders separated by `:`), else those found by
  /// walking up from the executable (`.build/grammars`, `share/gemfill/grammars`), else `grammars` in `home`.
  public static func standard(
    environment: [String: String] = ProcessInfo.processInfo.environment,
    executable: String? = Bundle.main.executableURL?.resolvingSymlinksInPath().path,
    home: String? = nil
  ) -> LanguageCatalog {
    LanguageCatalog(
      directories: standardDirectories(environment: environment, executable: executable, home: home))
  }

  static func standardDirectories(
    environment: [String: String], executable: String?, home: String?
  ) -> [String] {
    if let given = environment["GEMFILL_GRAMMARS"], !given.isEmpty {
      return given.split(separator: ":").map(String.init)
    }
    var found: [String] = []
    var folder = executable.map { URL(fileURLWithPath: $0).deletingLastPathComponent() }
    while let place = folder {
      for relative in [".build/grammars", "share/gemfill/grammars"] {
        let candidate = place.appendingPathComponent(relative).path
        if FileManager.default.fileExists(atPath: candidate) { found.append(candidate) }
      }
      folder = place.path == "/" ? nil : place.deletingLastPathComponent()
    }
    let data = environment["XDG_DATA_HOME"].map { $0 + "/gemfill" }
    let fallback = environment["HOME"].map { $0 + "/.local/share/gemfill" }
    if let base = home ?? environment["GEMFILL_HOME"] ?? data ?? fallback { found.append(base + "/grammars") }
    return found
  }

  /// The language of a file, by its name alone; nil when unknown or not built.
  public func language(forPath path: String) -> Language? {
    name(forPath: path).flatMap { language(named: $0) }
  }

  /// The language of a file by its name and, where the name leaves a doubt, by its first lines.
  public func language(forPath path: String, contents: [UInt8]) -> Language? {
    name(forPath: path, contents: contents).flatMap { language(named: $0) }
  }

  /// The name of the language of a file; does not load the grammar.
  public func name(forPath path: String, contents: [UInt8] = []) -> String? {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    if let name = nameByFileName[file] { return name }
    if let dot = file.lastIndex(of: "."), dot != file.startIndex {
      let name = nameByExtension[file[file.index(after: dot)...].lowercased()]
      if name == "c", file.hasSuffix(".h"), entries["cpp"] != nil, Self.looksLikeCPlusPlus(contents) {
        return "cpp"
      }
      return name
    }
    return Self.interpreter(of: contents).flatMap { nameByInterpreter[$0] }
  }

  /// A language by name; nil when unknown or not built.
  public func language(named name: String) -> Language? {
    try? load(name)
  }

  /// A language by name, or the reason why it cannot be used.
  public func load(_ name: String) throws(SyntaxError) -> Language {
    let result = loaded.withLock { cache in
      if let known = cache[name] { return known }
      let fresh = makeLanguage(name)
      cache[name] = fresh
      return fresh
    }
    return try result.get()
  }

  private func makeLanguage(_ name: String) -> Result<Language, SyntaxError> {
    guard let entry = entries[name] else {
      return .failure(
        .malformedDescription(path: name, reason: "no such language; known: \(names.joined(separator: ", "))")
      )
    }
    do throws(SyntaxError) {
      return .success(try Language(name: name, directory: entry.directory))
    } catch {
      return .failure(error)
    }
  }

  /// `python3` for a file that begins with `#!/usr/bin/env python3`; version digits are dropped where unknown.
  private static func interpreter(of contents: [UInt8]) -> String? {
    guard contents.starts(with: Array("#!".utf8)) else { return nil }
    let line = contents.prefix(200).prefix { $0 != 0x0A }
    let words = String(decoding: line.dropFirst(2), as: UTF8.self).split(separator: " ")
    let program = words.first { !$0.hasSuffix("/env") && !$0.hasPrefix("-") }
    return program?.split(separator: "/").last.map(String.init)
  }

  private static func looksLikeCPlusPlus(_ contents: [UInt8]) -> Bool {
    let text = String(decoding: contents.prefix(64 << 10), as: UTF8.self)
    return ["\nnamespace ", "\ntemplate", "\nclass ", "public:", "private:", "std::"].contains {
      text.contains($0)
    }
  }
}

import Carving
import Context
import Corpus
import Foundation
import Registry
import Weights

/// The settings of carving for one command, and the files that they come from.
///
/// The section has the keys of `CarvingSettings`, and besides `context` and `deniedLicences`.
struct ChosenSettings {
  var settings: CarvingSettings
  /// How examples get pieces of other files.
  let context: ContextOptions
  /// Limits of hygiene.
  let hygiene: HygieneOptions
  /// The files that said something, in the order in which they were applied.
  let origins: [String]

  /// The section of the settings files.
  static let key = "carving"

  /// The measured defaults, under `config.json` of the home, `.gemfill.json` of the repository and `--weights`.
  ///
  /// - Throws: `Failure` or `CarvingError.settings`, which name file and key.
  init(_ arguments: Arguments, home: Home) throws {
    var files = try SettingsFiles(Self.key, paths: arguments.positionals("PATH"), home: home)
    if let path = arguments.text("weights") { try files.add(path, key: Self.key) }
    try self.init(files)
  }

  /// Checks what the files say.
  ///
  /// - Throws: `CarvingError.settings` with the file that said it and the key's place there.
  init(_ files: SettingsFiles) throws(CarvingError) {
    let section = files.section
    do {
      context = try Self.context(section["context"])
      hygiene = try Self.hygiene(section["deniedLicences"])
      var rest = section
      rest["context"] = nil
      rest["deniedLicences"] = nil
      settings = try Self.settings(rest)
    } catch .settings(_, let key, let reason) {
      let layer = files.layer(of: key)
      throw .settings(path: layer?.path ?? "", key: (layer?.place ?? "") + key, reason: reason)
    }
    origins = files.origins
  }

  /// The section, with every key.
  var section: JSONObject {
    var section = JSONObject()
    if let text = try? JSONEncoder().encode(settings),
      let own = try? JSONValue(parsing: [UInt8](text)).objectValue
    {
      for key in own.keys.sorted() { section[key] = own[key] }
    }
    section["context"] = [
      "windowShare": .double(context.windowShare), "emptyShare": .double(context.emptyShare),
      "maximumSnippets": .int(context.maximumSnippets), "maximumLines": .int(context.maximumLines),
    ]
    section["deniedLicences"] = .array(hygiene.deniedLicences.sorted().map { .string($0) })
    return section
  }

  private static func settings(_ section: JSONObject) throws(CarvingError) -> CarvingSettings {
    guard !section.isEmpty else { return .measured }
    do {
      return try JSONDecoder().decode(
        CarvingSettings.self, from: Data(JSONValue.object(section).serialized()))
    } catch let error as CarvingError {
      throw error
    } catch {
      throw .settings(path: "", key: "{}", reason: "is not a JSON object of named numbers")
    }
  }

  private static func context(_ value: JSONValue?) throws(CarvingError) -> ContextOptions {
    var options = ContextOptions()
    guard let value else { return options }
    guard let object = value.objectValue else {
      throw .settings(
        path: "", key: "context", reason: "is \(shown(value)); must be a JSON object of named numbers")
    }
    for (key, value) in object {
      func number(_ bounds: ClosedRange<Double>) throws(CarvingError) -> Double {
        guard let number = value.doubleValue, bounds.contains(number) else {
          throw .settings(
            path: "", key: "context.\(key)",
            reason: "is \(shown(value)); must be a number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
      }
      func whole(_ bounds: ClosedRange<Double>) throws(CarvingError) -> Int {
        guard let whole = Int(exactly: try number(bounds)) else {
          throw .settings(
            path: "", key: "context.\(key)", reason: "is \(shown(value)); must be a whole number")
        }
        return whole
      }
      switch key {
      case "windowShare": options.windowShare = try number(0...2)
      case "emptyShare": options.emptyShare = try number(0...1)
      case "maximumSnippets": options.maximumSnippets = try whole(0...3)
      case "maximumLines": options.maximumLines = try whole(1...200)
      default:
        let known = ["emptyShare", "maximumLines", "maximumSnippets", "windowShare"]
        let near = Spelling.nearest(key, among: known).map { "did you mean context.\($0)? " } ?? ""
        throw .settings(
          path: "", key: "context.\(key)",
          reason: "no such setting; \(near)known here: \(known.joined(separator: ", "))")
      }
    }
    return options
  }

  /// A value in a message.
  private static func shown(_ value: JSONValue) -> String {
    let text = String(decoding: value.serialized(), as: UTF8.self)
    return text.count > 40 ? text.prefix(40) + "…" : text
  }

  private static func hygiene(_ value: JSONValue?) throws(CarvingError) -> HygieneOptions {
    guard let value else { return HygieneOptions() }
    let names = value.arrayValue?.compactMap(\.stringValue) ?? []
    guard let all = value.arrayValue, names.count == all.count else {
      throw .settings(
        path: "", key: "deniedLicences",
        reason: "is \(shown(value)); must be a list of SPDX identifiers such as [\"GPL-3.0-only\"]")
    }
    if let unknown = names.first(where: { !HygieneOptions.canDeny($0) }) {
      throw .settings(
        path: "", key: "deniedLicences",
        reason: "'\(unknown)' is neither an SPDX identifier nor a family such as AGPL-; correct or remove it")
    }
    return HygieneOptions(deniedLicences: Set(names))
  }
}

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
    let files = try SettingsFiles(Self.key, paths: arguments.positionals("PATH"), home: home)
    var section = files.section
    var origins = files.origins
    if let path = arguments.text("weights") {
      section = SettingsFiles.merge(try SettingsFiles.object(at: path, key: Self.key), over: section)
      origins.append(path)
    }
    try self.init(section, origins: origins)
  }

  /// Checks a section.
  ///
  /// - Throws: `CarvingError.settings`; its path names all origins, the last of which wins.
  init(_ section: JSONObject, origins: [String]) throws(CarvingError) {
    let path = origins.joined(separator: ", ")
    context = try Self.context(section["context"], path: path)
    hygiene = try Self.hygiene(section["deniedLicences"], path: path)
    var rest = section
    rest["context"] = nil
    rest["deniedLicences"] = nil
    settings = try Self.settings(rest, path: path)
    self.origins = origins
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

  private static func settings(_ section: JSONObject, path: String) throws(CarvingError) -> CarvingSettings {
    guard !section.isEmpty else { return .measured }
    do {
      return try JSONDecoder().decode(
        CarvingSettings.self, from: Data(JSONValue.object(section).serialized()))
    } catch CarvingError.settings(_, let key, let reason) {
      throw .settings(path: path, key: key, reason: reason)
    } catch {
      throw .settings(path: path, key: "{}", reason: "is not a JSON object of named numbers")
    }
  }

  private static func context(_ value: JSONValue?, path: String) throws(CarvingError) -> ContextOptions {
    var options = ContextOptions()
    guard let value else { return options }
    guard let object = value.objectValue else {
      throw .settings(path: path, key: "context", reason: "is no JSON object")
    }
    for (key, value) in object {
      func number(_ bounds: ClosedRange<Double>) throws(CarvingError) -> Double {
        guard let number = value.doubleValue, bounds.contains(number) else {
          throw .settings(
            path: path, key: "context.\(key)",
            reason: "is no number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
      }
      func whole(_ bounds: ClosedRange<Double>) throws(CarvingError) -> Int {
        guard let whole = Int(exactly: try number(bounds)) else {
          throw .settings(path: path, key: "context.\(key)", reason: "is no whole number")
        }
        return whole
      }
      switch key {
      case "windowShare": options.windowShare = try number(0...2)
      case "emptyShare": options.emptyShare = try number(0...1)
      case "maximumSnippets": options.maximumSnippets = try whole(0...3)
      case "maximumLines": options.maximumLines = try whole(1...200)
      default:
        throw .settings(
          path: path, key: "context.\(key)",
          reason: "is unknown; known are windowShare, emptyShare, maximumSnippets, maximumLines")
      }
    }
    return options
  }

  private static func hygiene(_ value: JSONValue?, path: String) throws(CarvingError) -> HygieneOptions {
    guard let value else { return HygieneOptions() }
    let names = value.arrayValue?.compactMap(\.stringValue) ?? []
    guard let all = value.arrayValue, names.count == all.count else {
      throw .settings(path: path, key: "deniedLicences", reason: "is no list of SPDX identifiers")
    }
    if let unknown = names.first(where: { !HygieneOptions.canDeny($0) }) {
      throw .settings(
        path: path, key: "deniedLicences",
        reason: "'\(unknown)' is neither an SPDX identifier nor a family such as AGPL-")
    }
    return HygieneOptions(deniedLicences: Set(names))
  }
}

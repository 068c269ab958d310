import Foundation
import Registry
import Weights

/// One section of the settings files: `config.json` in Gemfill's home, then `.gemfill.json` at the repository's root.
///
/// What a later file says replaces what an earlier one says, member by member.
struct SettingsFiles {
  /// What one file says.
  struct Layer {
    let path: String
    let section: JSONObject
    /// What stands before the section's keys in the file, such as `carving.`; empty where the file is the section.
    let place: String
  }

  /// The files that have the section, in the order in which they are applied.
  private(set) var layers: [Layer] = []

  /// The section out of all files; empty where none has it.
  var section: JSONObject { layers.reduce(JSONObject()) { Self.merge($1.section, over: $0) } }
  /// The files that have it, in the order in which they are applied.
  var origins: [String] { layers.map(\.path) }

  /// Largest settings file that is read, in bytes.
  private static let maximumBytes = 1 << 20
  /// Largest data card, which lists files.
  private static let maximumCardBytes = 256 << 20
  /// The name of a repository's settings file.
  static let repositoryName = ".gemfill.json"

  /// Reads the section `key` for work on `paths`.
  ///
  /// - Throws: `Failure` for a file that is no JSON object, for a section that is none, and for paths whose
  ///   repositories say different things.
  init(_ key: String, paths: [String], home: Home) throws(Failure) {
    if let found = try Self.section(key, in: home.settings) {
      layers.append(Layer(path: home.settings, section: found, place: key + "."))
    }
    var chosen: (path: String, section: JSONObject)?
    for path in paths {
      let file = Self.repositoryRoot(of: path) + "/" + Self.repositoryName
      let found = try Self.section(key, in: file) ?? JSONObject()
      guard let first = chosen else {
        chosen = (file, found)
        continue
      }
      guard first.section == found else {
        throw Failure("\(first.path) and \(file) differ in \"\(key)\"; take these paths one by one")
      }
    }
    if let chosen, !chosen.section.isEmpty {
      layers.append(Layer(path: chosen.path, section: chosen.section, place: key + "."))
    }
  }

  /// Applies a file whose object is the section itself, or holds it under `key`, or is a data card.
  ///
  /// - Throws: `Failure` naming the file.
  mutating func add(_ path: String, key: String) throws(Failure) {
    guard let object = try Self.read(path) else { throw Failure("\(path): cannot be read; is it there?") }
    if let inner = object[key] {
      guard let section = inner.objectValue else { throw Failure("\(path): \"\(key)\" is no JSON object") }
      layers.append(Layer(path: path, section: section, place: key + "."))
    } else {
      layers.append(Layer(path: path, section: CarveRebuild.section(ofCard: object) ?? object, place: ""))
    }
  }

  /// The file that is to blame for a key of the section, such as `caps.nodeBytes`: the last that has it, or as much of
  /// its path as any has; nil without files.
  func layer(of key: String) -> Layer? {
    var names = key.split(separator: ".").map(String.init)[...]
    while !names.isEmpty {
      if let found = layers.last(where: { Self.holds(names, in: $0.section) }) { return found }
      names.removeLast()
    }
    return layers.last
  }

  private static func holds(_ names: ArraySlice<String>, in section: JSONObject) -> Bool {
    guard let name = names.first, let value = section[name] else { return names.isEmpty }
    return names.count == 1 || value.objectValue.map { holds(names.dropFirst(), in: $0) } ?? false
  }

  /// `upper` over `lower`; objects are merged, everything else replaced.
  static func merge(_ upper: JSONObject, over lower: JSONObject) -> JSONObject {
    var result = lower
    for (key, value) in upper {
      if let inner = value.objectValue, let below = result[key]?.objectValue {
        result[key] = .object(merge(inner, over: below))
      } else {
        result[key] = value
      }
    }
    return result
  }

  /// The top folder of the repository that a path is in; without one, the folder itself or the file's folder.
  static func repositoryRoot(of path: String) -> String {
    var folder = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), !isFolder.boolValue {
      folder.deleteLastPathComponent()
    }
    let start = folder.path
    for _ in 0..<64 {
      if FileManager.default.fileExists(atPath: folder.path + "/.git") { return folder.path }
      guard folder.path != "/" else { break }
      folder.deleteLastPathComponent()
    }
    return start
  }

  private static func section(_ key: String, in path: String) throws(Failure) -> JSONObject? {
    guard let value = try read(path)?[key] else { return nil }
    guard let section = value.objectValue else { throw Failure("\(path): \"\(key)\" is no JSON object") }
    return section
  }

  /// Nil where there is no file.
  private static func read(_ path: String) throws(Failure) -> JSONObject? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let limit = path.hasSuffix(CarveRebuild.cardSuffix) ? maximumCardBytes : maximumBytes
    let value: JSONValue
    do {
      value = try JSONValue(parsing: try RegularFile.read(path, limit: limit))
    } catch let error as JSONError {
      throw Failure("\(path): \(error)")
    } catch {
      throw Failure("\(path): is no readable file of at most \(limit >> 20) MB")
    }
    guard let object = value.objectValue else { throw Failure("\(path): is no JSON object") }
    return object
  }
}

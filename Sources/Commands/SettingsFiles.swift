import Foundation
import Registry
import Weights

/// One section of the settings files: `config.json` in Gemfill's home, then `.gemfill.json` at the repository's root.
///
/// What a later file says replaces what an earlier one says, member by member.
struct SettingsFiles {
  /// The section out of all files; empty where none has it.
  let section: JSONObject
  /// The files that have it, in the order in which they were applied.
  let origins: [String]

  /// Largest settings file that is read, in bytes.
  private static let maximumBytes = 1 << 20
  /// The name of a repository's settings file.
  static let repositoryName = ".gemfill.json"

  /// Reads the section `key` for work on `paths`.
  ///
  /// - Throws: `Failure` for a file that is no JSON object, for a section that is none, and for paths whose
  ///   repositories say different things.
  init(_ key: String, paths: [String], home: Home) throws(Failure) {
    var section = JSONObject()
    var origins: [String] = []
    if let found = try Self.section(key, in: home.settings) {
      section = found
      origins.append(home.settings)
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
      section = Self.merge(chosen.section, over: section)
      origins.append(chosen.path)
    }
    self.section = section
    self.origins = origins
  }

  /// Reads a file whose object may be a section itself or hold it under `key`.
  ///
  /// - Throws: `Failure` naming the file.
  static func object(at path: String, key: String) throws(Failure) -> JSONObject {
    guard let object = try read(path) else { throw Failure("\(path): cannot be read; is it there?") }
    guard let inner = object[key] else { return object }
    guard let section = inner.objectValue else { throw Failure("\(path): \"\(key)\" is no JSON object") }
    return section
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
    let value: JSONValue
    do {
      value = try JSONValue(parsing: try RegularFile.read(path, limit: maximumBytes))
    } catch let error as JSONError {
      throw Failure("\(path): \(error)")
    } catch {
      throw Failure("\(path): is no readable file of at most \(maximumBytes >> 20) MB")
    }
    guard let object = value.objectValue else { throw Failure("\(path): is no JSON object") }
    return object
  }
}

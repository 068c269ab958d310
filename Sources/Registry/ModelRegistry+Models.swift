import Database
import Foundation

extension ModelRegistry {
  /// One registered base model.
  public struct Model: Sendable {
    /// Its name.
    public let name: String
    /// Its file or folder.
    public let path: String
    /// SHA-256 as `sha256(ofModel:)` makes it.
    public let sha256: String
    /// Seconds since 1970.
    public let addedAt: Int
  }

  /// All registered models by name; the embedded base is not among them.
  public func models() throws(DatabaseError) -> [Model] {
    try database.using { connection throws(DatabaseError) in
      try connection.query("SELECT name, path, sha256, added_at FROM model ORDER BY name") { row in
        Model(name: row.text(0), path: row.text(1), sha256: row.text(2), addedAt: row.integer(3))
      }
    }
  }

  /// The model of that name.
  public func model(named name: String) throws -> Model {
    let all = try models()
    guard let found = all.first(where: { $0.name == name }) else {
      throw RegistryError.unknown(what: "model", name: name, known: all.map(\.name))
    }
    return found
  }

  /// Makes a model's file or folder known under a name. The caller has checked that it can be read.
  @discardableResult
  public func addModel(name: String, path: String) throws -> Model {
    try Self.check(name: name)
    let path = URL(fileURLWithPath: path).standardizedFileURL.path
    let hash = try sha256(ofModel: path)
    try database.transaction { connection in
      let taken = try connection.first("SELECT 1 FROM model WHERE name = ?", [name]) { _ in true }
      if taken == true { throw RegistryError.taken(what: "model", name: name) }
      try connection.execute(
        "INSERT INTO model(name, path, sha256, added_at) VALUES(?, ?, ?, ?)", [name, path, hash, now])
    }
    return try model(named: name)
  }

  /// Forgets a model and deletes its file or folder when it lies in the home.
  public func removeModel(_ name: String) throws {
    let model = try model(named: name)
    try database.use { try $0.execute("DELETE FROM model WHERE name = ?", [name]) }
    let isStillNamed = try models().contains { $0.path == model.path }
    guard model.path.hasPrefix(home.models + "/"), !isStillNamed else { return }
    do { try FileManager.default.removeItem(atPath: model.path) } catch {
      throw RegistryError.files(path: model.path, reason: "cannot be deleted: \(error.localizedDescription)")
    }
    // Its packed matrices lie beside it.
    let rest = (try? FileManager.default.contentsOfDirectory(atPath: home.models)) ?? []
    let prefix = URL(fileURLWithPath: model.path).lastPathComponent + "."
    for name in rest where name.hasPrefix(prefix) && name.hasSuffix(".gempack") {
      try? FileManager.default.removeItem(atPath: home.models + "/" + name)
    }
  }

  /// The path of a base: nil means the embedded one, a name a registered one, anything else a file or folder.
  public func resolveBase(_ choice: String?) throws -> String {
    guard let choice else { return try EmbeddedBase.path() }
    if let model = try models().first(where: { $0.name == choice }) { return model.path }
    guard FileManager.default.fileExists(atPath: choice) else {
      throw RegistryError.unknown(what: "model or file", name: choice, known: try models().map(\.name))
    }
    return choice
  }
}

import Database
import Foundation
import Weights

extension ModelRegistry {
  /// Copies a PEFT adapter into the home and registers it as a candidate.
  ///
  /// - Parameters:
  ///   - directory: a folder with `adapter_config.json` and `adapter_model.safetensors`, perhaps with a card.
  ///   - name: the new name; nil takes the card's, else the folder's.
  ///   - base: the base model's file, needed where the folder has no card.
  /// - Throws: `RegistryError`, `WeightsError`, `DatabaseError`. Nothing remains of a failed import.
  public func importAdapter(from directory: String, name: String? = nil, base: String? = nil) throws
    -> Adapter
  {
    let source = try PEFTAdapter(directory: directory, variants: .read)
    var card: AdapterCard
    if let base {
      card = AdapterCard(
        name: "", baseName: URL(fileURLWithPath: base).lastPathComponent,
        baseSHA256: try sha256(ofModel: base))
      card.rank = source.rank
      card.alpha = source.alpha
      card.targetModules = source.targetModules
    } else {
      card = try AdapterCard(directory: directory)
    }
    let folderName = URL(fileURLWithPath: directory).standardizedFileURL.lastPathComponent
    card.name = name ?? (card.name.isEmpty ? folderName : card.name)
    try Self.check(name: card.name)
    let target = home.adapter(card.name)
    let files = FileManager.default
    guard !files.fileExists(atPath: target) else {
      throw RegistryError.taken(what: "adapter", name: card.name)
    }
    let temporary = home.adapters + "/.import-\(UUID().uuidString)"
    defer { try? files.removeItem(atPath: temporary) }
    try Self.copyAdapter(from: directory, to: temporary)
    try card.write(to: temporary)
    try Self.move(temporary, to: target)
    do { return try register(directory: target) } catch {
      try? files.removeItem(atPath: target)
      throw error
    }
  }

  /// Copies an adapter out of the home in PEFT's form with its card.
  ///
  /// - Throws: `RegistryError.files` when the target exists or cannot be written.
  public func exportAdapter(_ name: String, to directory: String) throws {
    let adapter = try adapter(named: name)
    // A trailing slash would put the temporary folder inside the target.
    let directory = URL(fileURLWithPath: directory).path
    guard !FileManager.default.fileExists(atPath: directory) else {
      throw RegistryError.files(path: directory, reason: "exists already; name a folder that does not")
    }
    let temporary = directory + ".part-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: temporary) }
    try Self.copyAdapter(from: adapter.directory, to: temporary)
    try AdapterCard(directory: adapter.directory).write(to: temporary)
    try Self.move(temporary, to: directory)
  }

  /// SHA-256 of a model: of the file, or of a folder's configuration, tokenizer and weights together. A file that
  /// has kept its size and time is not read again.
  public func sha256(ofModel path: String) throws -> String {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw RegistryError.noBase(problem: "\(path) does not exist")
    }
    guard isDirectory.boolValue else { return try sha256(ofFile: path) }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    let tokenizer =
      names.contains("tokenizer.model") ? ["tokenizer.model"] : ["tokenizer.json", "tokenizer_config.json"]
    let parts = try names.sorted()
      .filter { $0.hasSuffix(".safetensors") || (["config.json"] + tokenizer).contains($0) }
      .map { "\($0) \(try sha256(ofFile: path + "/" + $0))\n" }
    return SHA256.hash(Array(parts.joined().utf8))
  }

  private func sha256(ofFile path: String) throws -> String {
    let path = URL(fileURLWithPath: path).standardizedFileURL.path
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw RegistryError.files(path: path, reason: String(cString: strerror(errno)))
    }
    let size = Int(status.st_size)
    let modified = Int(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int(status.st_mtim.tv_nsec)
    let known = try database.use { connection in
      try connection.first(
        "SELECT sha256 FROM file_hash WHERE path = ? AND size = ? AND modified_ns = ?",
        [path, size, modified]
      ) { $0.text(0) }
    }
    if let known { return known }
    let hash = try SHA256.hash(file: path)
    try database.use { connection in
      try connection.execute(
        "INSERT OR REPLACE INTO file_hash(path, size, modified_ns, sha256) VALUES(?, ?, ?, ?)",
        [path, size, modified, hash])
    }
    return hash
  }

  private static func copyAdapter(from source: String, to target: String) throws(RegistryError) {
    do {
      try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
      for name in ["adapter_config.json", "adapter_model.safetensors"] {
        // Read and written, not linked: a symbolic link in the source must not end up in the copy.
        let bytes = try Data(contentsOf: URL(fileURLWithPath: source + "/" + name))
        try AtomicFile.write([UInt8](bytes), to: target + "/" + name)
      }
      let hashes = source + "/" + AdapterCard.contentHashesName
      let attributes = try? FileManager.default.attributesOfItem(atPath: hashes)
      if attributes?[.type] as? FileAttributeType == .typeRegular {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: hashes))
        try AtomicFile.write([UInt8](bytes), to: target + "/" + AdapterCard.contentHashesName)
      }
    } catch let error as WeightsError {
      throw .files(path: target, reason: "the adapter cannot be copied: \(error)")
    } catch {
      throw .files(path: target, reason: "the adapter cannot be copied: \(error.localizedDescription)")
    }
  }

  private static func move(_ source: String, to target: String) throws(RegistryError) {
    guard rename(source, target) == 0 else {
      throw .files(path: target, reason: String(cString: strerror(errno)))
    }
  }
}

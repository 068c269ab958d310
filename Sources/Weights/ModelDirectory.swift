/// A model in the form of the transformers library: `config.json` and one or several safetensors files.
public final class ModelDirectory: TensorSource {
  /// The folder.
  public let path: String
  /// The members of `config.json`.
  public let configuration: [String: JSONValue]
  /// The names of all tensors.
  public let tensorNames: [String]
  private let owners: [String: SafetensorsFile]
  private let files: [SafetensorsFile]

  /// Reads `config.json` and maps `model.safetensors`, or all files that `model.safetensors.index.json` names.
  public init(path: String, configurationFile: String = "config.json") throws(WeightsError) {
    self.path = path
    configuration = try Self.object(path + "/" + configurationFile)
    let indexPath = path + "/model.safetensors.index.json"
    let single = path + "/model.safetensors"
    guard !fileExists(single), fileExists(indexPath) else {
      let file = try SafetensorsFile(path: single)
      files = [file]
      tensorNames = file.tensorNames
      owners = Dictionary(file.tensorNames.map { ($0, file) }, uniquingKeysWith: { first, _ in first })
      return
    }
    let shards = try Self.openShards(folder: path, indexPath: indexPath)
    files = shards.files
    tensorNames = shards.names
    owners = shards.owners
  }

  /// The tensor called `name`, wherever it lies.
  public func tensor(_ name: String) -> Tensor? { owners[name]?.tensor(name) }

  /// The data type of a tensor that is there but not read.
  public func unreadableFormat(of name: String) -> String? {
    files.lazy.compactMap { $0.unreadableFormat(of: name) }.first
  }

  /// What tells the state of the configuration and of all files from any other.
  public var identity: JSONValue? {
    let text = JSONValue.object(
      JSONObject(configuration.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    return [
      "configuration": .string(SHA256.hash(text.serialized())), "files": .array(files.compactMap(\.identity)),
    ]
  }

  private static func object(_ path: String) throws(WeightsError) -> [String: JSONValue] {
    let value = try JSONValue(file: path)
    guard let members = value.objectValue else {
      throw .malformed(path: path, place: "byte 0", problem: "not a JSON object")
    }
    return Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
  }

  private typealias Shards = (files: [SafetensorsFile], names: [String], owners: [String: SafetensorsFile])

  private static func openShards(folder: String, indexPath: String) throws(WeightsError) -> Shards {
    let index = try JSONValue(file: indexPath)
    guard let map = index["weight_map"]?.objectValue else {
      throw .malformed(path: indexPath, place: "'weight_map'", problem: "missing or not an object")
    }
    var files: [String: SafetensorsFile] = [:]
    var shards: Shards = ([], [], [:])
    for (name, value) in map {
      guard let fileName = value.stringValue, !fileName.contains("/"), fileName.hasSuffix(".safetensors")
      else {
        throw .malformed(
          path: indexPath, place: "'\(name)'", problem: "not the name of a safetensors file here")
      }
      let file: SafetensorsFile
      if let known = files[fileName] {
        file = known
      } else {
        file = try SafetensorsFile(path: folder + "/" + fileName)
        files[fileName] = file
        shards.files.append(file)
      }
      guard file.tensor(name) != nil else {
        if file.unreadableFormat(of: name) != nil { continue }
        throw .missingTensor(path: file.path, name: name)
      }
      shards.names.append(name)
      shards.owners[name] = file
    }
    return shards
  }
}

extension JSONValue {
  /// Parses the file at `path`.
  public init(file path: String) throws(WeightsError) {
    let bytes = try MappedFile(path: path).withBytes { [UInt8]($0) }
    do {
      try self.init(parsing: bytes)
    } catch {
      throw .malformed(path: path, place: "byte \(error.byteOffset)", problem: error.problem)
    }
  }
}

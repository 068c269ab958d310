import Foundation
import Weights

/// Files whose text is held out: everything that can be read, code or not, since a test set may have any form.
enum HeldOutText {
  /// Largest file that is read, in bytes.
  private static let maximumBytes = 1 << 28

  /// The regular files at or below a path, in order; links are not followed below it.
  ///
  /// - Throws: `Failure` when there is none.
  static func files(at path: String) throws(Failure) -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw Failure("\(path): no such file or folder")
    }
    guard isFolder.boolValue else { return [path] }
    let names = FileManager.default.enumerator(atPath: path)
    var files: [String] = []
    while let name = names?.nextObject() as? String {
      if names?.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
        files.append(path + "/" + name)
      }
    }
    guard !files.isEmpty else { throw Failure("\(path): holds no file; name what is held out") }
    return files.sorted()
  }

  /// Shorter strings of a JSON document are names and labels.
  private static let shortestString = 20

  /// The texts of a file: of JSON and JSON lines the strings, in which escapes hide where words end; else all of it.
  static func texts(of bytes: [UInt8], path: String) -> [[UInt8]] {
    if path.hasSuffix(".json"), let document = try? JSONValue(parsing: bytes) { return strings(in: document) }
    guard path.hasSuffix(".jsonl") || path.hasSuffix(".ndjson") else { return [bytes] }
    return bytes.split(separator: 0x0A).flatMap { line in
      (try? JSONValue(parsing: Array(line))).map(strings) ?? [Array(line)]
    }
  }

  private static func strings(in value: JSONValue) -> [[UInt8]] {
    if let text = value.stringValue { return text.utf8.count < shortestString ? [] : [Array(text.utf8)] }
    return (value.arrayValue ?? value.objectValue?.members.map(\.value) ?? []).flatMap(strings)
  }

  /// The bytes of a file.
  ///
  /// - Throws: `Failure` for what cannot be read: held-out text that is passed over would count as absent.
  static func read(_ path: String) throws(Failure) -> [UInt8] {
    do throws(RegularFile.Failure) { return try RegularFile.read(path, limit: maximumBytes) } catch {
      throw Failure("\(path): cannot be read, or is larger than \(maximumBytes >> 20) MB")
    }
  }
}

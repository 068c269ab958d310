import Foundation

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

  /// The bytes of a file.
  ///
  /// - Throws: `Failure` for what cannot be read: held-out text that is passed over would count as absent.
  static func read(_ path: String) throws(Failure) -> [UInt8] {
    do throws(RegularFile.Failure) { return try RegularFile.read(path, limit: maximumBytes) } catch {
      throw Failure("\(path): cannot be read, or is larger than \(maximumBytes >> 20) MB")
    }
  }
}

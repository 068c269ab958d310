/// Everything that can go wrong with files of examples and of settings.
public enum CarvingError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The file cannot be read.
  case unreadable(path: String, reason: String)
  /// The file cannot be written.
  case unwritable(path: String, reason: String)
  /// A line is not an example.
  case malformedLine(path: String, line: Int, reason: String)
  /// A settings file says something that makes no sense; `key` is a path such as `lengths.N.lines`.
  case settings(path: String, key: String, reason: String)
  /// No tree has this path.
  case unknownFile(path: String, origins: [String])

  /// What happened, where, and what to do about it.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "\(path): cannot be read: \(reason)"
    case .unwritable(let path, let reason):
      "\(path): cannot be written: \(reason); what was there is unchanged"
    case .malformedLine(let path, let line, let reason):
      "\(path):\(line): is not an example: \(reason); write it again with gemfill carve"
    case .settings(let path, let key, let reason):
      "\(path.isEmpty ? "carving settings" : path): \(key): \(reason)"
    case .unknownFile(let path, let origins):
      "\(path): no such file below \(origins.joined(separator: ", ")); give its path from there"
    }
  }
}

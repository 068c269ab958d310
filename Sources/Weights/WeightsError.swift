/// What can be wrong with a model file, an adapter or the place it lies in.
public enum WeightsError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file or directory cannot be read.
  case unreadable(path: String, reason: String)
  /// The file cannot be written.
  case unwritable(path: String, reason: String)
  /// The file breaks its own format; `place` names the byte, key or tensor.
  case malformed(path: String, place: String, problem: String)
  /// The file is sound but uses something that Gemfill does not read.
  case unsupported(path: String, place: String, problem: String, remedy: String)
  /// A tensor that is needed is not there.
  case missingTensor(path: String, name: String)
  /// A tensor has another shape than its place demands.
  case wrongShape(path: String, tensor: String, expected: String, found: [Int])

  /// The message: what, where and what to do next.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "cannot read \(path): \(reason); check the path and its permissions"
    case .unwritable(let path, let reason):
      "cannot write \(path): \(reason); check the folder, its permissions and the free space"
    case .malformed(let path, let place, let problem):
      "\(path) is damaged at \(place): \(problem); fetch or export the file again"
    case .unsupported(let path, let place, let problem, let remedy):
      "\(path) cannot be used: \(place): \(problem); \(remedy)"
    case .missingTensor(let path, let name):
      "\(path) holds no tensor '\(name)'; the file is incomplete or of another architecture"
    case .wrongShape(let path, let tensor, let expected, let found):
      "\(path): tensor '\(tensor)' has shape \(found), expected \(expected); it belongs to another model"
    }
  }
}

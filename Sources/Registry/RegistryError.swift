/// Why a model or adapter cannot be used, kept or changed.
public enum RegistryError: Error, CustomStringConvertible, Equatable {
  /// The environment names no home.
  case noHome(problem: String)
  /// There is no base model.
  case noBase(problem: String)
  /// Nothing of that name.
  case unknown(what: String, name: String, known: [String])
  /// The name is taken.
  case taken(what: String, name: String)
  /// The name has other characters than a folder should have.
  case badName(String)
  /// The name means something else in evaluations.
  case reservedName(String)
  /// The card cannot be understood.
  case badCard(path: String, field: String, problem: String)
  /// The adapter was trained on another base.
  case otherBase(
    adapter: String, trainedOn: String, trainedOnSHA256: String, given: String, givenSHA256: String)
  /// The adapter is in use.
  case isLive(String)
  /// There is nothing to go back to.
  case nothingToRollBack
  /// A file could not be read or written.
  case files(path: String, reason: String)

  /// What, where, and what to do.
  public var description: String {
    switch self {
    case .noHome(let problem):
      "no place for Gemfill's files: \(problem); set GEMFILL_HOME to an absolute path"
    case .noBase(let problem):
      "no base model: \(problem); set GEMFILL_BASE to a GGUF file or name one with --base"
    case .unknown(let what, let name, let known):
      "no \(what) named '\(name)'; " + (known.isEmpty ? "none exists yet" : "there are: \(Self.list(known))")
    case .taken(let what, let name):
      "\(what) '\(name)' exists already; choose another name or remove it first"
    case .badName(let name):
      "'\(name)' is no usable name; take 1 to 64 letters, digits, '.', '_' or '-', with a letter or digit first"
    case .reservedName(let name):
      "'\(name)' is reserved: evaluations compare adapters with something of that name; choose another name"
    case .badCard(let path, let field, let problem):
      "\(path): \(field) \(problem); train the adapter again, or import it with --base"
    case .otherBase(let adapter, let trainedOn, let trainedOnSHA256, let given, let givenSHA256):
      "adapter '\(adapter)' was trained on \(trainedOn) (sha256 \(Self.short(trainedOnSHA256))), not on \(given) "
        + "(sha256 \(Self.short(givenSHA256))); use that base or train an adapter for this one"
    case .isLive(let name):
      "adapter '\(name)' is live; promote another or roll back first"
    case .nothingToRollBack:
      "nothing to roll back: no adapter has been promoted"
    case .files(let path, let reason):
      "\(path): \(reason)"
    }
  }

  private static func short(_ hash: String) -> String { hash.isEmpty ? "unknown" : hash.prefix(12) + "…" }

  private static func list(_ names: [String]) -> String {
    names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", …" : "")
  }
}

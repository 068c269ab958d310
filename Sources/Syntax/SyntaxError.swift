/// Everything that can go wrong while grammars are found and loaded.
public enum SyntaxError: Error, CustomStringConvertible, Equatable, Sendable {
  /// A description file cannot be read or decoded.
  case malformedDescription(path: String, reason: String)
  /// The shared object of a described language is not there.
  case notBuilt(language: String, path: String)
  /// The shared object cannot be loaded.
  case loadFailed(path: String, reason: String)
  /// The shared object lacks its entry point.
  case missingSymbol(path: String, symbol: String)
  /// The parser was generated for another runtime.
  case abi(path: String, found: Int, supported: ClosedRange<Int>)
  /// `nodes.json` names node kinds that the grammar does not have.
  case unknownNodeKinds(path: String, names: [String])

  /// What happened, where, and what to do about it.
  public var description: String {
    switch self {
    case .malformedDescription(let path, let reason):
      "\(path): \(reason); see grammars/README.md"
    case .notBuilt(let language, let path):
      "grammar \(language) is not built (\(path) is missing); run scripts/grammars"
    case .loadFailed(let path, let reason):
      "\(path): cannot be loaded: \(reason); rebuild with scripts/grammars --force"
    case .missingSymbol(let path, let symbol):
      "\(path): has no function \(symbol); check \"symbol\" in its grammar.json"
    case .abi(let path, let found, let supported):
      "\(path): grammar ABI \(found), this tree-sitter reads \(supported.lowerBound) to \(supported.upperBound); "
        + "pin an older grammar"
    case .unknownNodeKinds(let path, let names):
      "\(path): the grammar has no node kind \(names.joined(separator: ", ")); correct nodes.json"
    }
  }
}

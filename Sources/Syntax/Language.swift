import CTreeSitter
import Foundation
import Synchronization

/// A programming language: its comment syntax, the roles of its node kinds, and its parser.
///
/// Thread-safe: every parse uses a parser of its own, taken from a pool.
public final class Language: Sendable {
  /// Name of the folder in `grammars/`.
  public let name: String
  /// What begins a comment that ends with the line.
  public let lineComment: String?
  /// What begins and ends a comment that may span lines.
  public let blockComment: (open: String, close: String)?

  let blockStyle: GrammarDescription.BlockStyle
  let quotes: Set<UInt8>
  let longQuotes: [[UInt8]]
  let blockKeywords: GrammarDescription.BlockKeywords?
  let symbolNames: [String]
  let symbolRoles: [NodeRoles]
  /// `SyntaxTree.namedFlag` or 0 for each symbol.
  let symbolFlags: [UInt8]
  let fieldNames: [String]
  /// What `DeclaredNames` looks for.
  let declarationFields: DeclaredNames.Fields
  /// Loaded code; stays mapped until the process ends, because syntax tables point into it.
  private let grammar: GrammarHandle
  private let idleParsers = Mutex<[ParserHandle]>([])

  /// Loads `<directory>/<name>.so` with the descriptions in `<directory>/<name>/`.
  ///
  /// - Throws: `SyntaxError` when a file is missing or does not fit this tree-sitter.
  convenience init(name: String, directory: String) throws(SyntaxError) {
    let description = try GrammarDescription.read("\(directory)/\(name)/grammar.json")
    let nodes: [String: [String]] = try GrammarDescription.decode("\(directory)/\(name)/nodes.json")
    try self.init(
      description: description, nodes: nodes, nodesPath: "\(directory)/\(name)/nodes.json",
      library: "\(directory)/\(name).so")
  }

  init(
    description: GrammarDescription, nodes: [String: [String]], nodesPath: String, library: String
  ) throws(SyntaxError) {
    let grammar = try GrammarHandle(
      language: description.language, symbol: description.symbol, library: library)
    self.grammar = grammar
    name = description.language
    lineComment = description.lineComment
    blockComment = description.blockComment.map { ($0[0], $0[1]) }
    blockStyle = description.blockStyle
    quotes = Set(description.quotes.flatMap(\.utf8))
    longQuotes = description.longQuotes.map { Array($0.utf8) }
    blockKeywords = description.blockKeywords
    symbolNames = (0..<ts_language_symbol_count(grammar.pointer)).map {
      ts_language_symbol_name(grammar.pointer, TSSymbol($0)).map { String(cString: $0) } ?? ""
    }
    let named = (0..<symbolNames.count).map {
      ts_language_symbol_type(grammar.pointer, TSSymbol($0)) == TSSymbolTypeRegular
    }
    symbolFlags = named.map { $0 ? SyntaxTree.namedFlag : 0 }
    symbolRoles = try Language.roles(nodes, names: symbolNames, named: named, path: nodesPath)
    fieldNames = (0...ts_language_field_count(grammar.pointer)).map {
      ts_language_field_name_for_id(grammar.pointer, TSFieldId($0)).map { String(cString: $0) } ?? ""
    }
    declarationFields = DeclaredNames.Fields(fieldNames: fieldNames, symbolNames: symbolNames)
  }

  deinit {
    idleParsers.withLock { parsers in
      for parser in parsers { ts_parser_delete(parser.pointer) }
    }
  }

  private static func roles(
    _ nodes: [String: [String]], names: [String], named: [Bool], path: String
  ) throws(SyntaxError) -> [NodeRoles] {
    var byKind: [String: NodeRoles] = [:]
    for (role, kinds) in nodes.sorted(by: { $0.key < $1.key }) {
      guard let bit = NodeRoles.byName[role] else {
        throw .malformedDescription(path: path, reason: "has an unknown class \(role)")
      }
      for kind in kinds { byKind[kind, default: []].insert(bit) }
    }
    let known = Set(zip(names, named).filter(\.1).map(\.0))
    let unknown = byKind.keys.filter { !known.contains($0) }.sorted()
    guard unknown.isEmpty else { throw .unknownNodeKinds(path: path, names: unknown) }
    return zip(names, named).map { $1 ? byKind[$0] ?? [] : [] }
  }

  /// The syntax tree of `source`, or nil when it is larger than 64 MB or parsing takes longer than `timeoutMs`.
  ///
  /// Complexity: linear in practice, 4 to 8 MB a second.
  public func parse(_ source: [UInt8], timeoutMs: Int = 5_000) -> SyntaxTree? {
    withParser { parser in
      guard let tree = RawTree(parser: parser, source: source, old: nil, timeoutMs: timeoutMs) else {
        return nil
      }
      return SyntaxTree(language: self, source: tree)
    }
  }

  /// Like `parse`, but reads only the bytes in `range`, as if nothing else were there; offsets and rows stay those of
  /// the whole source, whose lines the caller knows.
  func parse(_ source: [UInt8], within range: Range<Int>, lines: LineIndex, timeoutMs: Int) -> SyntaxTree? {
    withParser { parser in
      guard source.count <= 64 << 20, RawTree.restrict(parser, to: range, lines: lines) else { return nil }
      guard
        let tree = RawTree(
          parser: parser, source: source, old: nil, timeoutMs: timeoutMs, end: range.upperBound)
      else {
        return nil
      }
      return SyntaxTree(language: self, source: tree)
    }
  }

  /// Parses and frees the tree at once, without a table of it: the least time that anything which parses can take.
  ///
  /// - Returns: false where `parse` gives nil.
  public func parsesAlone(_ source: [UInt8], timeoutMs: Int = 5_000) -> Bool {
    withParser { RawTree(parser: $0, source: source, old: nil, timeoutMs: timeoutMs) == nil ? nil : true }
      ?? false
  }

  /// Lends a parser that is set to this language.
  func withParser<Result>(_ body: (OpaquePointer) -> Result?) -> Result? {
    ParserMemory.installed
    let handle = idleParsers.withLock { $0.popLast() } ?? ts_parser_new().map(ParserHandle.init)
    guard let handle, ts_parser_set_language(handle.pointer, grammar.pointer) else { return nil }
    defer {
      ts_parser_reset(handle.pointer)
      _ = ts_parser_set_included_ranges(handle.pointer, nil, 0)
      idleParsers.withLock { $0.append(handle) }
    }
    return body(handle.pointer)
  }
}

/// A parser in the pool. `@unchecked Sendable`: the pool hands it to one thread at a time.
private struct ParserHandle: @unchecked Sendable {
  let pointer: OpaquePointer
}

/// The entry point of a loaded grammar. `@unchecked Sendable`: points to constant tables that are never unmapped.
private struct GrammarHandle: @unchecked Sendable {
  let pointer: OpaquePointer

  init(language: String, symbol: String, library: String) throws(SyntaxError) {
    guard FileManager.default.fileExists(atPath: library) else {
      throw .notBuilt(language: language, path: library)
    }
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL) else {
      throw .loadFailed(path: library, reason: dlerror().map { String(cString: $0) } ?? "unknown reason")
    }
    guard let address = dlsym(handle, symbol) else {
      throw .missingSymbol(path: library, symbol: symbol)
    }
    let entry = unsafeBitCast(address, to: (@convention(c) () -> OpaquePointer?).self)
    guard let found = entry() else { throw .missingSymbol(path: library, symbol: symbol) }
    let supported = Int(TREE_SITTER_MIN_COMPATIBLE_LANGUAGE_VERSION)...Int(TREE_SITTER_LANGUAGE_VERSION)
    let version = Int(ts_language_version(found))
    guard supported.contains(version) else {
      throw .abi(path: library, found: version, supported: supported)
    }
    pointer = found
  }
}

import Carving
import Corpus
import Syntax
import Training

/// What a command line asks `gemfill carve` for; checked, nothing read yet.
struct CarveRequest: Equatable {
  /// How examples are written.
  enum Format: String {
    case jsonl, hf, tokens
  }

  /// Order of a Hugging Face prompt.
  enum Order: String {
    case psm, spm
  }

  /// Which state of a repository is carved.
  enum State: Equatable {
    /// The files as they are on disk.
    case disk
    /// The commit at 90 % of the history.
    case split
    /// A commit by its name.
    case commit(String)
  }

  let paths: [String]
  let out: String?
  let format: Format
  let order: Order
  let state: State
  let older: String?
  let isSplit: Bool
  let seed: UInt64
  let epoch: Int
  let limit: Int?
  let languages: Set<String>?
  let shard: CarvingRun.Shard?
  let threads: Int?
  /// The base as it was named; nil for the embedded one.
  let base: String?

  init(_ arguments: Arguments, _ catalog: LanguageCatalog) throws(UsageError) {
    paths = arguments.positionals("PATH")
    out = arguments.text("out")
    format = arguments.text("format").flatMap(Format.init) ?? .jsonl
    order = arguments.text("order").flatMap(Order.init) ?? .psm
    older = arguments.text("older")
    isSplit = arguments.flag("splits")
    state =
      switch arguments.text("at") {
      case nil: .disk
      case "split": .split
      case let name?: .commit(name)
      }
    seed = UInt64(arguments.integer("seed") ?? 1)
    epoch = arguments.integer("epoch") ?? 0
    limit = arguments.integer("limit")
    shard = try Self.shard(arguments.text("shard"))
    languages = try Self.languages(arguments.text("languages"), catalog)
    threads = arguments.integer("threads")
    base = arguments.text("base")
    try check(arguments)
  }

  /// Options that mean nothing, or contradict each other, together.
  private func check(_ arguments: Arguments) throws(UsageError) {
    func needs(_ name: String, _ isMet: Bool, _ what: String) throws(UsageError) {
      let isGiven = arguments.flag(name)
      if isGiven, !isMet { throw UsageError("--\(name) needs \(what)") }
    }
    try needs("format", out != nil, "--out F")
    try needs("splits", out != nil, "--out F: it also writes F.validation and F.test beside it")
    try needs("order", format == .hf, "--format hf")
    try needs("older", isSplit, "--splits")
    if let name = commitName, name.contains(".."), !isSplit {
      throw UsageError("--at \(name) names several commits; that needs --splits")
    }
    try needs("save-weights", arguments.flag("prior"), "--prior")
    let asksBase = format != .jsonl || arguments.flag("hardness")
    try needs("base", asksBase, "--hardness, or --format hf or tokens")
    if isSplit, paths.count > 1 {
      throw UsageError("--splits takes one repository: give one PATH")
    }
    if older != nil {
      guard state == .disk else { throw UsageError("--older compares two releases; it excludes --at") }
    }
    if arguments.flag("prior"), older != nil {
      throw UsageError("--prior learns from a git history; releases of --older have none")
    }
    if arguments.flag("explain"), out != nil {
      throw UsageError("--explain writes no examples; leave out --out")
    }
  }

  /// Reads `I/N`; nil is the whole.
  static func shard(_ text: String?) throws(UsageError) -> CarvingRun.Shard? {
    guard let text else { return nil }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).compactMap { Int($0) }
    guard parts.count == 2, (1...65_536).contains(parts[1]), parts[0] >= 1,
      let shard = CarvingRun.Shard(index: parts[0] - 1, count: parts[1])
    else { throw UsageError("--shard '\(text)' must be I/N with I from 1 to N, and N at most 65536") }
    return shard
  }

  private static func languages(
    _ list: String?, _ catalog: LanguageCatalog
  ) throws(UsageError) -> Set<String>? {
    guard let list else { return nil }
    let names = list.split(separator: ",").map { word in
      String(word.drop(while: \.isWhitespace).prefix { !$0.isWhitespace })
    }.filter { !$0.isEmpty }
    let known = catalog.names + [SourceFile.textLanguage]
    for name in names where !known.contains(name) {
      throw UsageError("no language '\(name)'; known: \(known.joined(separator: ", "))")
    }
    guard !names.isEmpty else { throw UsageError("--languages needs at least one name") }
    return Set(names)
  }

  /// Where a split's examples go: beside `out`, with the split's name before the extension; nil is the training split.
  static func path(of split: String?, beside out: String) -> String {
    guard let split else { return out }
    let stem = stem(of: out)
    return "\(stem).\(split)" + out.dropFirst(stem.count)
  }

  /// A path without the extension of its last component; an index of token shards has two.
  static func stem(of path: String) -> String {
    if path.hasSuffix(TokenShardSet.indexSuffix) {
      return String(path.dropLast(TokenShardSet.indexSuffix.count))
    }
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    let name = path.dropFirst(folder.count)
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return path }
    return String(folder + name[..<dot])
  }
}

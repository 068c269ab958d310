import Foundation
import Registry
import Training
import Weights

/// `gemfill adapter merge`: one adapter out of several.
struct AdapterMergeCommand: Command {
  static let name = "merge"
  static let summary = "Make one adapter out of several of the same base, without training."
  static let discussion = """
    What adapters add to the base's matrices is added up. 'linear' does so exactly, by putting the factors side by side:
    the ranks add up, unless --rank asks for the best approximation of less. 'ties' keeps the largest entries of each and
    those whose sign wins; 'dare' keeps random ones. Both are brought back to a rank, and how much of them that retains
    is printed. For results equal to PEFT's: cat, svd, ties-svd, and peft-linear and peft-ties, which treat the two
    factors apart and do not add up the adapters. The result is a candidate: evaluate it before it is promoted.
    """
  static let positionals = [
    Positional("ADAPTER", repeats: true, help: "A registered adapter, or a folder with a card.")
  ]
  static let options = [
    Option.text("name", "NEW", help: "Name of the result; required."),
    Option.choice(
      "method", AdapterMerge.Method.allCases.map(\.rawValue), help: "How they become one (default: linear)."),
    Option.text("weights", "W,W,...", help: "One number per adapter (default: equal, adding up to 1)."),
    Option.number(
      "density", "D", in: 0.001...1,
      help: "Share of the entries that ties, dare and their kin keep (default 0.5)."
    ),
    Option.choice(
      "consensus", AdapterMerge.Consensus.allCases.map(\.rawValue),
      help: "What becomes of agreeing entries (default: mean for ties, sum for dare)."),
    Option.integer(
      "rank", "R", in: 1...4096,
      help: "Rank of the result (default: all for linear and cat, otherwise the largest of the adapters)."),
    Option.integer("seed", "S", in: 0...Int.max, help: "Decides what dare drops (default 1)."),
  ]

  /// An adapter that a word names.
  private struct Source {
    let name: String
    let directory: String
    let card: AdapterCard
    let adapter: PEFTAdapter
  }

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    guard let name = arguments.text("name") else { throw UsageError("--name is required: name the result") }
    let words = arguments.positionals("ADAPTER")
    guard words.count > 1 else { throw UsageError("one adapter is no merge; name two or more") }
    let weights = try weights(arguments, count: words.count)
    let merge = try merge(arguments)
    let registry = try AdapterCommand.open()
    try ModelRegistry.check(name: name)
    let sources = try words.map { try source($0, registry) }
    try check(sources)
    let result = try merge.merge(
      zip(sources, weights).map { .init(name: $0.name, weight: $1, adapter: $0.adapter) })
    for (name, count) in result.incomplete {
      console.note(
        "\(name) has no factors for \(count) of \(result.modules.count) modules; they count as zeros")
    }
    let card = try card(name, sources, weights, merge, result)
    let adapter = try register(result, card, sources, registry)
    let energy = result.retained
    console.print(
      "\(adapter.name): \(words.count) adapters by \(merge.method.rawValue), rank \(result.rank); a candidate for "
        + adapter.baseName)
    console.print(
      String(
        format: "retained energy: %.4f at least, %.4f on average over %d matrices", energy.minimum,
        energy.mean,
        result.modules.count))
    var json = AdapterCommand.json(adapter)
    json["card"] = card.json
    console.emit(json: json)
    return .done
  }

  private static func weights(_ arguments: Arguments, count: Int) throws(UsageError) -> [Double] {
    guard arguments.text("weights") != nil else {
      return [Double](repeating: 1 / Double(count), count: count)
    }
    let weights = arguments.list("weights").compactMap { Double($0) }
    guard weights.count == count, arguments.list("weights").count == count, weights.allSatisfy(\.isFinite)
    else {
      throw UsageError("--weights needs \(count) numbers with commas between them, one per adapter")
    }
    guard weights.contains(where: { $0 != 0 }) else { throw UsageError("--weights are all 0") }
    return weights
  }

  private static func merge(_ arguments: Arguments) throws(UsageError) -> AdapterMerge {
    let method = arguments.text("method").flatMap(AdapterMerge.Method.init) ?? .linear
    let hasRank = arguments.integer("rank") != nil
    guard !hasRank || ![.cat, .peftLinear, .peftTies].contains(method) else {
      throw UsageError("--rank does not go with \(method.rawValue), which decides the rank itself")
    }
    let trims: [AdapterMerge.Method] = [.ties, .dare, .tiesSVD, .peftTies]
    guard arguments.number("density") == nil || trims.contains(method) else {
      throw UsageError("--density does not go with \(method.rawValue), which keeps all entries")
    }
    guard arguments.text("consensus") == nil || [.ties, .dare].contains(method) else {
      throw UsageError("--consensus goes with ties and dare")
    }
    var merge = AdapterMerge(method)
    merge.density = arguments.number("density") ?? merge.density
    merge.rank = arguments.integer("rank")
    merge.consensus = arguments.text("consensus").flatMap(AdapterMerge.Consensus.init)
    merge.seed = UInt64(arguments.integer("seed") ?? 1)
    return merge
  }

  private static func source(_ word: String, _ registry: ModelRegistry) throws -> Source {
    let isFolder = FileManager.default.fileExists(atPath: word + "/adapter_config.json")
    let directory = isFolder ? word : try registry.adapter(named: word).directory
    return Source(
      name: word, directory: directory, card: try AdapterCard(directory: directory),
      adapter: try PEFTAdapter(directory: directory))
  }

  /// Adapters of one base, trained with the same marks.
  private static func check(_ sources: [Source]) throws(Failure) {
    guard let first = sources.first else { return }
    for other in sources.dropFirst() {
      guard other.card.baseSHA256 == first.card.baseSHA256 else {
        throw Failure(
          "\(first.name) belongs to the base \(first.card.baseName) (sha256 \(first.card.baseSHA256.prefix(12))…), "
            + "\(other.name) to \(other.card.baseName) (sha256 \(other.card.baseSHA256.prefix(12))…); "
            + "only adapters of one base can be merged")
      }
      if let marks = first.card.fimTokens, let others = other.card.fimTokens, marks != others {
        throw Failure(
          "\(first.name) and \(other.name) were trained with different marks around the hole; they cannot be merged"
        )
      }
    }
  }

  private static func card(
    _ name: String, _ sources: [Source], _ weights: [Double], _ merge: AdapterMerge,
    _ result: AdapterMerge.Result
  ) throws -> AdapterCard {
    let first = sources[0].card
    var card = AdapterCard(name: name, baseName: first.baseName, baseSHA256: first.baseSHA256)
    card.dataPath = unique(sources.map(\.card.dataPath)).joined(separator: ":")
    // A parent of unknown origin makes the whole unknown to evaluations.
    card.dataCommit = unique(sources.map { $0.card.dataCommit.isEmpty ? "unknown" : $0.card.dataCommit })
      .joined(separator: ":")
    card.seed = merge.seed
    card.promptOrder = first.promptOrder
    let all = weights.reduce(0) { $0 + abs($1) }
    card.contextShare = zip(sources, weights).reduce(0) { $0 + $1.0.card.contextShare * abs($1.1) / all }
    card.fimTokens = sources.lazy.compactMap(\.card.fimTokens).first
    card.rank = result.rank
    card.alpha = Double(result.rank)
    card.targetModules = Set(sources.flatMap(\.adapter.targetModules)).sorted()
    card.created = ISO8601DateFormatter().string(from: Date())
    card.merge = try facts(sources, weights, merge, result)
    return card
  }

  private static func facts(
    _ sources: [Source], _ weights: [Double], _ merge: AdapterMerge, _ result: AdapterMerge.Result
  ) throws -> JSONObject {
    let parents: [JSONValue] = try zip(sources, weights).map { source, weight in
      [
        "name": .string(source.card.name), "weight": .double(weight),
        "adapter_sha256": .string(try SHA256.hash(file: source.directory + "/adapter_model.safetensors")),
      ]
    }
    var facts = JSONObject([
      ("method", .string(merge.method.rawValue)), ("parents", .array(parents)), ("rank", .int(result.rank)),
      ("retained_energy_minimum", .double(result.retained.minimum)),
      ("retained_energy_mean", .double(result.retained.mean)),
    ])
    switch merge.method {
    case .linear, .cat, .svd, .peftLinear: break
    case .tiesSVD, .peftTies: facts["density"] = .double(merge.density)
    case .ties, .dare:
      facts["density"] = .double(merge.density)
      facts["consensus"] = .string(merge.chosenConsensus.rawValue)
      if merge.method == .dare { facts["seed"] = .string(String(merge.seed)) }
    }
    return facts
  }

  private static func register(
    _ result: AdapterMerge.Result, _ card: AdapterCard, _ sources: [Source], _ registry: ModelRegistry
  ) throws -> ModelRegistry.Adapter {
    let temporary = NSTemporaryDirectory() + "/gemfill-merge-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: temporary) }
    try result.write(to: temporary, baseModelName: card.baseName)
    let hashes = try learntFiles(sources)
    if !hashes.isEmpty {
      let lines = hashes.map { $0 + "\n" }.joined()
      try AtomicFile.write(Array(lines.utf8), to: temporary + "/" + AdapterCard.contentHashesName)
    }
    try card.write(to: temporary)
    return try registry.importAdapter(from: temporary)
  }

  /// The hashes of all files that any of them has learnt from.
  private static func learntFiles(_ sources: [Source]) throws(Failure) -> [String] {
    var hashes = Set<String>()
    for source in sources {
      let path = source.directory + "/" + AdapterCard.contentHashesName
      guard FileManager.default.fileExists(atPath: path) else { continue }
      guard let bytes = try? RegularFile.read(path, limit: 256 << 20) else {
        throw Failure("\(path): cannot be read; the merged adapter would not know what it has learnt from")
      }
      hashes.formUnion(String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init))
    }
    return hashes.sorted()
  }

  /// Without repetitions and empty ones, in order.
  private static func unique(_ texts: [String]) -> [String] {
    var seen = Set<String>()
    return texts.filter { !$0.isEmpty && seen.insert($0).inserted }
  }
}

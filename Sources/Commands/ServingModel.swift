import Dispatch
import Foundation
import Gemma
import Generation
import Registry

/// A base with adapters that are read when a request first names them.
actor ServingModel: InfillModel {
  /// The loaded base.
  nonisolated let engine: Engine
  /// SHA-256 of the base.
  nonisolated let sha256: String
  /// The adapter to use when nobody names one: the base's live adapter.
  nonisolated let liveAdapter: String?
  /// What people should know about how the base was loaded.
  nonisolated var notes: [String] { engine.model.notes }
  private let registry: ModelRegistry
  private let basePath: String
  /// The loaded adapters; whether they have learnt to read snippets of other files.
  private var loaded: [String: Bool] = [:]

  private init(engine: Engine, sha256: String, basePath: String, registry: ModelRegistry) throws {
    self.engine = engine
    self.sha256 = sha256
    self.basePath = basePath
    self.registry = registry
    liveAdapter = try registry.liveAdapter(baseSHA256: sha256)?.name
  }

  /// Loads a base away from the cooperative pool: nil for the embedded one, a registered name, or a path.
  static func load(base: String?, home: Home) async throws -> ServingModel {
    let serving = try await withCheckedThrowingContinuation { continuation in
      DispatchQueue.global(qos: .userInitiated).async {
        continuation.resume(
          with: Result {
            let registry = try ModelRegistry(home: home)
            let path = try registry.resolveBase(base)
            let engine = try Engine.load(path: path, caching: .on(fallback: home.cache))
            return try ServingModel(
              engine: engine, sha256: try registry.sha256(ofModel: path), basePath: path, registry: registry)
          })
      }
    }
    await serving.useShortlist(home.shortlist(modelSHA256: serving.sha256))
    return serving
  }

  /// Decodes over the model's shortlist where one has been learnt. A file that cannot be used costs speed, no more.
  private func useShortlist(_ path: String) async {
    guard FileManager.default.fileExists(atPath: path) else { return }
    do {
      try await engine.use(VocabularyShortlist(path: path, modelSHA256: sha256, model: engine.model))
    } catch {
      FileHandle.standardError.write(Data("warning: no shortlist is used: \(error)\n".utf8))
    }
  }

  /// Reads an adapter, once.
  ///
  /// - Throws: `RegistryError` when there is none of that name, or when it was trained on another base;
  ///   `GenerationError.otherInfillTokens` when it was trained with other marks.
  func prepare(adapter name: String) async throws {
    guard loaded[name] == nil else { return }
    let adapter = try registry.adapter(named: name)
    try ModelRegistry.check(
      adapter, baseName: URL(fileURLWithPath: basePath).lastPathComponent, baseSHA256: sha256)
    let card = try AdapterCard(directory: adapter.directory)
    try engine.format.marks.check(adapter: name, card: card.fimTokens)
    await engine.use(try LoRAAdapter(directory: adapter.directory, model: engine.model), named: name)
    loaded[name] = card.contextShare > 0
  }

  /// Whether an adapter has learnt to read snippets of other files; false for the bare base and where there is no such adapter.
  func readsContext(adapter name: String?) async -> Bool {
    guard let name else { return false }
    try? await prepare(adapter: name)
    return loaded[name] ?? false
  }

  nonisolated func infill(_ request: InfillRequest) async throws -> InfillResult {
    if let adapter = request.adapter { try await prepare(adapter: adapter) }
    return try await engine.infill(request)
  }

  nonisolated func middleLogProbability(_ middle: [UInt8], in request: InfillRequest, order: PromptOrder)
    async throws -> Double
  {
    if let adapter = request.adapter { try await prepare(adapter: adapter) }
    return try await engine.middleLogProbability(middle, in: request, order: order)
  }

  nonisolated func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double {
    try await engine.logProbability(of: continuation, after: context)
  }
}

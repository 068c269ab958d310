import Foundation
import Gemma
import Numerics
import Weights

/// LoRA factors with their gradients and AdamW moments; with DoRA also magnitudes, and rows of the embedding.
public final class TrainableAdapter {
  /// One trained tensor.
  final class Parameter {
    /// What it is; optimisers treat kinds apart.
    enum Kind { case a, b, magnitude, tokenRows }

    let name: String  // PEFT's tensor name
    let kind: Kind
    let shape: [Int]
    let value: FloatBuffer
    let gradient: FloatBuffer
    let first: FloatBuffer
    let second: FloatBuffer

    init(name: String, kind: Kind, shape: [Int], value: FloatBuffer) {
      self.name = name
      self.kind = kind
      self.shape = shape
      self.value = value
      gradient = FloatBuffer(value.count)
      first = FloatBuffer(value.count)
      second = FloatBuffer(value.count)
    }
  }

  /// The trained tensors of one projection.
  final class Module {
    let layer: Int
    let projection: Projection
    let a: Parameter  // [rank, inputs]
    let b: Parameter  // [outputs, rank]
    let magnitude: Parameter?  // [outputs]
    let gain: FloatBuffer?  // [outputs] magnitude / ‖W + scale · BA‖, as of `refreshGains`
    let rank: Int
    let isRankStabilized: Bool
    /// Position in `modules`.
    var number: Int { layer * Projection.allCases.count + projection.index }
    private let trainedAlpha: Double
    fileprivate var scaleFactor = 1.0
    var alpha: Double { TrainableAdapter.product(trainedAlpha, scaleFactor) }
    /// What the product is multiplied by.
    var scale: Float { Float(alpha / (isRankStabilized ? Double(rank).squareRoot() : Double(rank))) }

    init(
      _ layer: Int, _ projection: Projection, a: FloatBuffer, b: FloatBuffer, rank: Int, alpha: Double,
      isRankStabilized: Bool, magnitude: FloatBuffer? = nil
    ) {
      let name = "base_model.model.model.layers.\(layer).\(projection.modulePath)"
      let (inputs, outputs) = (a.count / rank, b.count / rank)
      self.layer = layer
      self.projection = projection
      self.a = Parameter(name: name + ".lora_A.weight", kind: .a, shape: [rank, inputs], value: a)
      self.b = Parameter(name: name + ".lora_B.weight", kind: .b, shape: [outputs, rank], value: b)
      self.magnitude = magnitude.map {
        Parameter(name: name + ".lora_magnitude_vector", kind: .magnitude, shape: [outputs], value: $0)
      }
      gain = magnitude.map { FloatBuffer($0.count) }
      self.rank = rank
      trainedAlpha = alpha
      self.isRankStabilized = isRankStabilized
    }

    var parameters: [Parameter] { [a, b] + (magnitude.map { [$0] } ?? []) }
  }

  /// Trained rows of the embedding, which a tied head uses too.
  struct TokenRows {
    let tokens: [Int32]
    let indices: [Int32: Int]  // row of each token
    let rows: Parameter  // [tokens, hidden]

    init(_ tokens: [Int32], _ rows: FloatBuffer) {
      self.tokens = tokens
      indices = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1, $0) })
      self.rows = Parameter(
        name: PEFTAdapter.tokenRowsName, kind: .tokenRows,
        shape: [tokens.count, rows.count / tokens.count], value: rows)
    }
  }

  /// Inner width of the factors; where modules differ, that of most.
  public let rank: Int
  /// `y += alpha / rank · B(Ax)`, or `alpha / √rank`; where modules differ, that of most.
  public var alpha: Double { Self.product(trainedAlpha, scaleFactor) }
  /// Scales are alpha / √rank.
  public let isRankStabilized: Bool
  let configuration: GemmaConfiguration
  /// What all alphas are multiplied by: 1 while it is trained.
  public var scaleFactor = 1.0 {
    didSet {
      for case let module? in modules { module.scaleFactor = scaleFactor }
      refreshGains()
    }
  }
  private let trainedAlpha: Double
  /// By `layer * 7 + Projection.index`; nil where a projection has no factors.
  let modules: [Module?]
  let tokenRows: TokenRows?
  /// All trained tensors, in a fixed order.
  let parameters: [Parameter]
  private let model: GemmaModel?  // for the norms of DoRA

  /// Number of trained values.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.count } }

  /// The projections that have factors in some layer.
  public var targets: [Projection] {
    Projection.allCases.filter { projection in modules.contains { $0?.projection == projection } }
  }

  /// Whether every row of an adapted matrix has a trained norm (DoRA).
  public var hasMagnitudes: Bool { parameters.contains { $0.kind == .magnitude } }

  /// The tokens whose rows of the embedding are trained.
  public var tokens: [Int32] { tokenRows?.tokens ?? [] }

  private init(
    _ configuration: GemmaConfiguration, rank: Int, alpha: Double, isRankStabilized: Bool, modules: [Module?],
    tokenRows: TokenRows?, model: GemmaModel?
  ) {
    self.rank = rank
    trainedAlpha = alpha
    self.isRankStabilized = isRankStabilized
    self.configuration = configuration
    self.modules = modules
    self.tokenRows = tokenRows
    self.model = model
    parameters = modules.compactMap(\.self).flatMap(\.parameters) + (tokenRows.map { [$0.rows] } ?? [])
    refreshGains()
  }

  /// Fresh factors on all seven projections: A uniform in ±1/√inputs (PEFT's Kaiming start), B zero.
  public convenience init(_ configuration: GemmaConfiguration, rank: Int, alpha: Float, seed: UInt64) {
    var settings = AdapterSettings()
    settings.rank = rank
    settings.alpha = alpha
    self.init(settings, configuration: configuration, seed: seed)
  }

  /// Fresh factors, as those for a model, without one.
  ///
  /// - Precondition: a target at least; neither magnitudes nor token rows, which are made of the model's weights.
  public convenience init(_ settings: AdapterSettings, configuration: GemmaConfiguration, seed: UInt64) {
    precondition(!settings.targets.isEmpty && settings.rank > 0, "an adapter without factors")
    precondition(!settings.hasMagnitudes && settings.tokens.isEmpty, "needs the model's weights")
    self.init(
      configuration, rank: settings.rank, alpha: Double(settings.alpha),
      isRankStabilized: settings.isRankStabilized,
      modules: Self.fresh(settings, configuration, nil, seed: seed), tokenRows: nil, model: nil)
  }

  /// A fresh adapter for `model` that changes nothing yet: A uniform in ±1/√inputs, B zero, magnitudes the norms and token rows
  /// the embeddings of the base.
  ///
  /// - Precondition: a target at least; different tokens of the vocabulary.
  public convenience init(_ settings: AdapterSettings, model: GemmaModel, seed: UInt64) {
    let c = model.configuration
    precondition(!settings.targets.isEmpty && settings.rank > 0, "an adapter without factors")
    precondition(
      settings.tokens.allSatisfy { $0 >= 0 && Int($0) < c.vocabularySize }, "tokens of another vocabulary")
    let rows = FloatBuffer(settings.tokens.count * c.hiddenSize)
    for (index, token) in settings.tokens.enumerated() {
      model.embedding.row(Int(token), into: rows.pointer + index * c.hiddenSize)
    }
    self.init(
      c, rank: settings.rank, alpha: Double(settings.alpha), isRankStabilized: settings.isRankStabilized,
      modules: Self.fresh(settings, c, model, seed: seed),
      tokenRows: settings.tokens.isEmpty ? nil : TokenRows(settings.tokens, rows), model: model)
  }

  private static func fresh(
    _ settings: AdapterSettings, _ c: GemmaConfiguration, _ model: GemmaModel?, seed: UInt64
  ) -> [Module?] {
    var random = SeededRandom(seed: seed)
    return (0..<c.layerCount).flatMap { layer in
      Projection.allCases.map { projection -> Module? in
        guard settings.targets.contains(projection), let shape = c.shape(projection, layer: layer) else {
          return nil
        }
        let bound = 1 / Float(shape.inputs).squareRoot()
        let a = FloatBuffer((0..<settings.rank * shape.inputs).map { _ in random.uniform(within: bound) })
        let b = FloatBuffer(shape.outputs * settings.rank)
        let magnitude = settings.hasMagnitudes ? FloatBuffer(shape.outputs) : nil
        if let magnitude {
          model?.layers[layer][projection].rowNorms(
            adding: 0, a, b, rank: settings.rank, into: magnitude.pointer)
        }
        return Module(
          layer, projection, a: a, b: b, rank: settings.rank, alpha: Double(settings.alpha),
          isRankStabilized: settings.isRankStabilized, magnitude: magnitude)
      }
    }
  }

  /// Takes a saved adapter over: plain LoRA on any projections of any layers, each with a rank and an alpha of its own.
  ///
  /// - Throws: `WeightsError`, for DoRA and trained token rows too; `GemmaError.adapter` where it does not fit.
  public convenience init(_ configuration: GemmaConfiguration, directory: String) throws {
    try self.init(PEFTAdapter(directory: directory), configuration, nil)
  }

  /// Takes a saved adapter over, with DoRA and trained token rows.
  ///
  /// - Throws: `WeightsError`; `GemmaError.adapter` where it does not fit.
  public convenience init(model: GemmaModel, directory: String) throws {
    try self.init(PEFTAdapter(directory: directory, variants: .read), model.configuration, model)
  }

  private convenience init(_ saved: PEFTAdapter, _ c: GemmaConfiguration, _ model: GemmaModel?) throws {
    // Checks every shape and value.
    let checked = try LoRAAdapter(saved, path: saved.directory, configuration: c, model: model)
    var modules = [Module?](repeating: nil, count: checked.factors.count)
    for module in saved.modules {
      guard let (layer, projection) = LoRAAdapter.place(module.modulePath),
        let factors = checked.factors(projection, layer: layer)
      else { continue }
      modules[layer * Projection.allCases.count + projection.index] = Module(
        layer, projection, a: factors.a, b: factors.b, rank: factors.rank, alpha: module.alpha,
        isRankStabilized: saved.isRankStabilized, magnitude: module.magnitude.map { FloatBuffer($0.floats()) }
      )
    }
    self.init(
      c, rank: saved.rank, alpha: saved.alpha, isRankStabilized: saved.isRankStabilized, modules: modules,
      tokenRows: saved.tokenRows.map {
        TokenRows($0.tokens.map { Int32($0) }, FloatBuffer($0.rows.floats()))
      },
      model: model)
  }

  /// The trained tensors of a projection; nil where it is not adapted.
  func module(_ projection: Projection, layer: Int) -> Module? {
    modules[layer * Projection.allCases.count + projection.index]
  }

  /// Without the noise of binary fractions: 0.8 · 24 is 19.2 to whoever reads the configuration.
  private static func product(_ alpha: Double, _ factor: Double) -> Double {
    factor == 1 ? alpha : (alpha * factor * 1e6).rounded() / 1e6
  }

  /// Computes DoRA's gains from factors and magnitudes as they are now.
  func refreshGains(pool: WorkerPool = .shared) {
    for case let module? in modules {
      guard let gain = module.gain, let magnitude = module.magnitude?.value, let model else { continue }
      model.layers[module.layer][module.projection].rowNorms(
        adding: module.scale, module.a.value, module.b.value, rank: module.rank, into: gain.pointer,
        pool: pool)
      for i in 0..<gain.count {
        gain.pointer[i] = gain.pointer[i] > 0 ? magnitude.pointer[i] / gain.pointer[i] : 0
      }
    }
  }

  /// The adapter for inference, as it is now; shares memory with the trained values.
  public func inferenceView() -> LoRAAdapter {
    refreshGains()
    var rows: [Int32: FloatBuffer] = [:]
    if let tokenRows {
      let width = configuration.hiddenSize
      for (index, token) in tokenRows.tokens.enumerated() {
        let row = FloatBuffer(width)
        row.pointer.update(from: tokenRows.rows.value.pointer + index * width, count: width)
        rows[token] = row
      }
    }
    return LoRAAdapter(
      factors: modules.map { module in
        module.map {
          .init(rank: $0.rank, scale: $0.scale, a: $0.a.value, b: $0.b.value, outputGain: $0.gain)
        }
      }, tokenRows: rows)
  }

  /// Sets all gradients to 0.
  public func clearGradients() {
    for parameter in parameters {
      memset(parameter.gradient.pointer, 0, parameter.gradient.count * MemoryLayout<Float>.size)
    }
  }

  /// L2 norm of all gradients together.
  public func gradientNorm() -> Float {
    let kernels = Kernels.best
    let sum = parameters.reduce(0.0) {
      let g = $1.gradient
      return $0 + Double(kernels.dot(g.pointer, g.pointer, count: g.count))
    }
    return Float(sum.squareRoot())
  }

  /// Writes a PEFT adapter directory; `dropout` is what it was trained with.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func write(to directory: String, baseModelName: String, dropout: Float = 0) throws {
    let outputs = modules.compactMap(\.self).map { module in
      PEFTAdapter.OutputModule(
        modulePath: "model.layers.\(module.layer).\(module.projection.modulePath)",
        inputs: module.a.shape[1], outputs: module.b.shape[0], a: module.a.value.array,
        b: module.b.value.array, alpha: module.alpha, magnitude: module.magnitude?.value.array)
    }
    try PEFTAdapter.write(
      outputs, rank: rank, alpha: alpha, baseModelName: baseModelName, isRankStabilized: isRankStabilized,
      // As written, not as the nearest f32.
      dropout: Double("\(dropout)") ?? 0,
      tokenRows: tokenRows.map { .init(tokens: $0.tokens.map(Int.init), rows: $0.rows.value.array) },
      to: directory)
  }
}

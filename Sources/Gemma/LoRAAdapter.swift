import Numerics
import Weights

/// Low-rank factors beside a model's projections (Hu et al. 2021): `y += scale · B(Ax)`. Never merged to serve.
///
/// With DoRA (Liu et al. 2024) each output is multiplied by a gain afterwards; some tokens may have embeddings of their own,
/// which a tied head uses too.
public final class LoRAAdapter: Sendable {
  /// The factors of one projection.
  public struct Factors: Sendable {
    /// Inner width.
    public let rank: Int
    /// `alpha / rank`.
    public let scale: Float
    /// `[rank, inputs]`
    public let a: FloatBuffer
    /// `[outputs, rank]`
    public let b: FloatBuffer
    /// What each output, the base's product included, is multiplied by (DoRA). `[outputs]`
    public let outputGain: FloatBuffer?
    /// The same in the form in which it is served beside a quantised matrix.
    public let packed: LowRankFactors

    /// Creates factors from buffers of the shapes above.
    public init(rank: Int, scale: Float, a: FloatBuffer, b: FloatBuffer, outputGain: FloatBuffer? = nil) {
      self.rank = rank
      self.scale = scale
      self.a = a
      self.b = b
      self.outputGain = outputGain
      packed = LowRankFactors(
        a: a, b: b, rank: rank, inputs: a.count / rank, outputs: b.count / rank, scale: scale)
    }
  }

  /// By `layer * 7 + Projection.index`; nil where the projection has no factors.
  public let factors: [Factors?]
  /// Largest rank of any projection.
  public let maximumRank: Int

  /// Embeddings of some tokens that replace the model's: `[hidden]` each.
  public let tokenRows: [Int32: FloatBuffer]

  /// Creates an adapter from one entry per projection and layer.
  public init(factors: [Factors?], tokenRows: [Int32: FloatBuffer] = [:]) {
    self.factors = factors
    self.tokenRows = tokenRows
    maximumRank = factors.reduce(0) { max($0, $1?.rank ?? 0) }
  }

  /// Factors of one projection.
  public func factors(_ projection: Projection, layer: Int) -> Factors? {
    factors[layer * Projection.allCases.count + projection.index]
  }

  /// Reads a PEFT adapter directory for `model`; DoRA and trained token rows are applied too.
  ///
  /// - Throws: `WeightsError`; `GemmaError.adapter` where a module or a shape does not fit the model.
  public convenience init(directory: String, model: GemmaModel) throws {
    try self.init(
      PEFTAdapter(directory: directory, variants: .read), path: directory,
      configuration: model.configuration, model: model)
  }

  /// Takes the factors over from a PEFT adapter. DoRA needs the `model`, since its gains depend on the weights.
  ///
  /// - Throws: `GemmaError.adapter` where a module or a shape does not fit the configuration.
  public convenience init(
    _ adapter: PEFTAdapter, path: String, configuration c: GemmaConfiguration, model: GemmaModel? = nil
  ) throws(GemmaError) {
    let width = Projection.allCases.count
    var factors = [Factors?](repeating: nil, count: c.layerCount * width)
    for module in adapter.modules {
      guard let (layer, projection) = Self.place(module.modulePath), layer < c.layerCount,
        let shape = c.shape(projection, layer: layer)
      else {
        throw .adapter(
          path: path,
          problem: "module \(module.modulePath) is not in this base model; the adapter belongs to another one"
        )
      }
      let rank = module.a.shape.first ?? 0
      guard rank > 0, module.a.shape == [rank, shape.inputs], module.b.shape == [shape.outputs, rank] else {
        throw .adapter(
          path: path,
          problem:
            "\(module.modulePath) has shapes \(module.a.shape) and \(module.b.shape), this base model needs "
            + "[r, \(shape.inputs)] and [\(shape.outputs), r]; the adapter belongs to another one")
      }
      guard module.a.isFinite, module.b.isFinite, module.magnitude?.isFinite ?? true, module.scale.isFinite
      else {
        throw .adapter(path: path, problem: "\(module.modulePath) holds values that are not finite")
      }
      let (a, b) = (FloatBuffer(module.a.floats()), FloatBuffer(module.b.floats()))
      var gain: FloatBuffer?
      if let magnitude = module.magnitude {
        guard let linear = model?.layers[layer][projection] else {
          throw .adapter(path: path, problem: "DoRA cannot be applied without the base model's weights")
        }
        gain = Self.gain(magnitude.floats(), linear, a, b, rank: rank, scale: module.scale)
      }
      factors[layer * width + projection.index] = Factors(
        rank: rank, scale: module.scale, a: a, b: b, outputGain: gain)
    }
    self.init(factors: factors, tokenRows: try Self.rows(adapter.tokenRows, c, path))
  }

  /// DoRA's gain of each output: `magnitude / ‖W + scale · BA‖` of the row.
  private static func gain(
    _ magnitude: [Float], _ linear: Linear, _ a: FloatBuffer, _ b: FloatBuffer, rank: Int, scale: Float
  ) -> FloatBuffer {
    let gain = FloatBuffer(linear.outputs)
    linear.rowNorms(adding: scale, a, b, rank: rank, into: gain.pointer)
    for output in 0..<linear.outputs {
      gain[output] = gain[output] > 0 ? magnitude[output] / gain[output] : 0
    }
    return gain
  }

  private static func rows(
    _ stored: PEFTAdapter.TokenRows?, _ c: GemmaConfiguration, _ path: String
  ) throws(GemmaError) -> [Int32: FloatBuffer] {
    guard let stored else { return [:] }
    guard stored.rows.shape[1] == c.hiddenSize, stored.tokens.allSatisfy({ $0 < c.vocabularySize }),
      stored.rows.isFinite
    else {
      throw .adapter(
        path: path,
        problem:
          "its token rows \(stored.rows.shape) do not fit \(c.vocabularySize) tokens of \(c.hiddenSize)")
    }
    var rows: [Int32: FloatBuffer] = [:]
    for (index, token) in stored.tokens.enumerated() {
      rows[Int32(token)] = FloatBuffer(stored.rows.rows(index..<(index + 1)).floats())
    }
    return rows
  }

  /// Layer and projection of a PEFT module path such as `model.layers.0.self_attn.q_proj`; nil for other modules.
  public static func place(_ modulePath: String) -> (layer: Int, projection: Projection)? {
    let parts = modulePath.split(separator: ".")
    guard let marker = parts.lastIndex(of: "layers"), marker + 2 < parts.count,
      let layer = Int(parts[marker + 1]),
      layer >= 0, let last = parts.last, let projection = Projection(rawValue: String(last)),
      parts[(marker + 2)...].joined(separator: ".") == projection.modulePath
    else { return nil }
    return (layer, projection)
  }
}

import Numerics
import Weights

/// Low-rank factors beside a model's projections (Hu et al. 2021): `y += scale · B(Ax)`. Never merged to serve.
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
    /// The same in the form in which it is served beside a quantised matrix.
    public let packed: LowRankFactors

    /// Creates factors from buffers of the shapes above.
    public init(rank: Int, scale: Float, a: FloatBuffer, b: FloatBuffer) {
      self.rank = rank
      self.scale = scale
      self.a = a
      self.b = b
      packed = LowRankFactors(
        a: a, b: b, rank: rank, inputs: a.count / rank, outputs: b.count / rank, scale: scale)
    }
  }

  /// By `layer * 7 + Projection.index`; nil where the projection has no factors.
  public let factors: [Factors?]
  /// Largest rank of any projection.
  public let maximumRank: Int

  /// Creates an adapter from one entry per projection and layer.
  public init(factors: [Factors?]) {
    self.factors = factors
    maximumRank = factors.reduce(0) { max($0, $1?.rank ?? 0) }
  }

  /// Factors of one projection.
  public func factors(_ projection: Projection, layer: Int) -> Factors? {
    factors[layer * Projection.allCases.count + projection.index]
  }

  /// Reads a PEFT adapter directory for `model`.
  ///
  /// - Throws: `WeightsError`; `GemmaError.adapter` where a module or a shape does not fit the model.
  public convenience init(directory: String, model: GemmaModel) throws {
    try self.init(PEFTAdapter(directory: directory), path: directory, configuration: model.configuration)
  }

  /// Takes the factors over from a PEFT adapter.
  ///
  /// - Throws: `GemmaError.adapter` where a module or a shape does not fit the configuration.
  public convenience init(
    _ adapter: PEFTAdapter, path: String, configuration c: GemmaConfiguration
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
      factors[layer * width + projection.index] = Factors(
        rank: rank, scale: module.scale, a: FloatBuffer(module.a.floats()),
        b: FloatBuffer(module.b.floats()))
    }
    self.init(factors: factors)
  }

  private static func place(_ modulePath: String) -> (Int, Projection)? {
    let parts = modulePath.split(separator: ".")
    guard let marker = parts.lastIndex(of: "layers"), marker + 2 < parts.count,
      let layer = Int(parts[marker + 1]),
      layer >= 0, let last = parts.last, let projection = Projection(rawValue: String(last)),
      parts[(marker + 2)...].joined(separator: ".") == projection.modulePath
    else { return nil }
    return (layer, projection)
  }
}

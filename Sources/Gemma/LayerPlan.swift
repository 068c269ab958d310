import Numerics

/// What one layer's steps read, without ownership: addresses and sizes. `ForwardPlan` keeps everything alive.
///
/// Two threads that count references to the same objects at every step would spend more time on that than on a small
/// model's products.
struct LayerPlan: BitwiseCopyable {
  /// Shapes and kinds.
  let description: LayerDescription
  let inputNorm: UnsafePointer<Float>
  let postAttentionNorm: UnsafePointer<Float>?
  let preFeedForwardNorm: UnsafePointer<Float>
  let postFeedForwardNorm: UnsafePointer<Float>?
  let queryNorm: UnsafePointer<Float>?
  let keyNorm: UnsafePointer<Float>?
  let valueNorm: UnsafePointer<Float>?
  /// By `Projection.index`; those that the layer lacks have no outputs.
  let products: UnsafePointer<Product>
  /// Where its key/value heads lie in a page.
  let heads: UnsafePointer<PagedHead>
  /// Positions of queries and keys.
  let rotary: RotaryTable.View
  /// Quantised input of query, key, value, and of the side path: `[T, H]`.
  let attentionInput: QuantizedActivations.View?
  /// Quantised input of the output projection: `[T, Q]`.
  let attended: QuantizedActivations.View?
  /// Quantised input of gate and up: `[T, H]`.
  let feedForwardInput: QuantizedActivations.View?
  /// Quantised input of down: `[T, F]`.
  let inner: QuantizedActivations.View?
  /// Gate, up and GELU run block by block and only leave quantised values.
  let fusesGate: Bool
  let scalar: Float?

  /// Product of a projection that the layer has.
  @inline(__always)
  func product(_ projection: Projection) -> Product { products[projection.index] }
}

/// A matrix `[outputs, inputs]` that somebody else keeps alive.
struct Product: BitwiseCopyable {
  let outputs: Int
  let inputs: Int
  private let dense: UnsafePointer<Float>?
  private let packed: QuantizedMatrix.View?
  /// A dense matrix of a model that has quantised ones.
  private let isRowwise: Bool

  /// Entries of a dense matrix up to which sums are exact to the last bit of f32: a call of the library costs as much there.
  private static var exactLimit: Int { 65_536 }

  /// Units of 16 outputs in which threads share a product.
  var tiles: Int { (outputs + 15) / 16 }
  /// Needs quantised activations.
  var isQuantized: Bool { packed != nil }

  /// The matrix of `linear`, or of nothing; `isRowwise` where a row's result must not depend on the other rows.
  init(_ linear: Linear?, isRowwise: Bool) {
    self.isRowwise = isRowwise
    outputs = linear?.outputs ?? 0
    inputs = linear?.inputs ?? 0
    switch linear?.storage {
    case .dense(let weights): (dense, packed) = (UnsafePointer(weights.pointer), nil)
    case .quantized(let matrix): (dense, packed) = (nil, matrix.view)
    case nil: (dense, packed) = (nil, nil)
    }
  }

  /// The weights of some tiles; nil for a dense matrix.
  func bytes(of tiles: Range<Int>) -> UnsafeRawBufferPointer? {
    packed?.bytes(of: tiles.clamped(to: 0..<self.tiles))
  }

  /// `out[t, o] = Σ W[o, i] · x[t, i]` for `rows` rows and the outputs of `tiles`, on the caller's thread. `out` has
  /// `outputs` columns, or `outStride` where its first column is the first output of `tiles`.
  func multiply(
    _ x: UnsafePointer<Float>, quantized: QuantizedActivations.View?, rows: Int, tiles: Range<Int>,
    into out: UnsafeMutablePointer<Float>, outStride: Int? = nil, kernels: Kernels
  ) {
    guard !tiles.isEmpty else { return }
    let first = tiles.lowerBound * 16
    // The kernels count outputs from 0; a narrow buffer begins at the first of `tiles`.
    let origin = outStride == nil ? out : out - first
    if let packed {
      guard let quantized else { preconditionFailure("a quantised matrix needs quantised activations") }
      packed.multiply(
        quantized, rows: 0..<rows, tiles: tiles, into: origin, outStride: outStride ?? outputs,
        kernels: kernels)
    } else if let dense, outputs * inputs <= Self.exactLimit {
      // How OpenBLAS rounds depends on the core it takes and on the number of rows; that multiplies threefold in a small
      // ill-conditioned model.
      for row in 0..<rows {
        for o in first..<min(outputs, tiles.upperBound * 16) {
          var sum = 0.0
          for i in 0..<inputs { sum += Double(dense[o * inputs + i]) * Double(x[row * inputs + i]) }
          origin[row * (outStride ?? outputs) + o] = Float(sum)
        }
      }
    } else if let dense, isRowwise {
      // OpenBLAS sums in another order for another number of rows; a quantised model promises not to.
      for row in 0..<rows {
        for o in first..<min(outputs, tiles.upperBound * 16) {
          origin[row * (outStride ?? outputs) + o] = kernels.dot(
            dense + o * inputs, x + row * inputs, count: inputs)
        }
      }
    } else if let dense {
      BLAS.shared.multiply(
        m: rows, n: min(outputs, tiles.upperBound * 16) - first, k: inputs, a: x, lda: inputs,
        b: dense + first * inputs, ldb: inputs, transposeB: true, c: origin + first,
        ldc: outStride ?? outputs,
        pool: nil)
    }
  }
}

/// The plans of all layers, and the buffers of quantised activations that they share. Roles have buffers of their own,
/// since one may be written while another is read.
final class ForwardPlan {
  let layers: Buffer<LayerPlan>
  private let products: Buffer<Product>
  private let heads: Buffer<PagedHead>
  private var kept: [AnyObject] = []

  private struct Key: Hashable {
    let role: Int
    let width: Int
  }

  init(_ model: GemmaModel, layout: KVLayout, chunk: Int, positions: Int) {
    let rotaries = RotaryTable.tables(for: model.configuration, positions: positions)
    let isRowwise = model.isQuantized
    let products = Buffer(model.layers.flatMap { $0.projections.map { Product($0, isRowwise: isRowwise) } })
    let heads = Buffer(layout.heads.flatMap { $0 })
    var made: [Key: QuantizedActivations] = [:]
    func activations(_ role: Int, _ consumers: [Linear?]) -> QuantizedActivations.View? {
      guard let width = consumers.first(where: { $0?.isQuantized ?? false })??.inputs else { return nil }
      let key = Key(role: role, width: width)
      let found = made[key] ?? QuantizedActivations(capacity: chunk, width: width)
      made[key] = found
      return found.view
    }
    var firstHead = 0
    let plans = model.layers.enumerated().map { index, layer in
      defer { firstHead += layer.description.keyValueHeadCount }
      let p = layer.projections
      let fuses = [Projection.gate, .up, .down].allSatisfy { layer[$0].isQuantized }
      return LayerPlan(
        description: layer.description, inputNorm: UnsafePointer(layer.inputNorm.pointer),
        postAttentionNorm: Self.address(layer.postAttentionNorm),
        preFeedForwardNorm: UnsafePointer(layer.preFeedForwardNorm.pointer),
        postFeedForwardNorm: Self.address(layer.postFeedForwardNorm),
        queryNorm: Self.address(layer.queryNorm),
        keyNorm: Self.address(layer.keyNorm), valueNorm: Self.address(layer.valueNorm),
        products: UnsafePointer(products.pointer + index * Projection.allCases.count),
        heads: UnsafePointer(heads.pointer + firstHead), rotary: rotaries[index].view,
        attentionInput: activations(0, [p[0], p[1], p[2], layer.laurel?.left]),
        attended: activations(1, [p[3]]),
        feedForwardInput: activations(2, [p[4], p[5]]), inner: activations(3, [p[6]]),
        fusesGate: fuses && layer.description.sparsityCutoff == nil, scalar: layer.scalar)
    }
    self.products = products
    self.heads = heads
    layers = Buffer(plans)
    kept = rotaries + Array(made.values) + [model]
  }

  private static func address(_ gain: FloatBuffer?) -> UnsafePointer<Float>? {
    gain.map { UnsafePointer($0.pointer) }
  }
}

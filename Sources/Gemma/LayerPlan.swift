import Numerics

/// Quantised inputs of a layer's products, one per role, since one may be written while another is read. Layers of equal
/// widths share them; nil where no consumer is quantised.
struct LayerPlan {
  /// Of query, key, value, and of the side path: `[T, H]`.
  let attentionInput: QuantizedActivations?
  /// Of the output projection: `[T, Q]`.
  let attended: QuantizedActivations?
  /// Of gate and up: `[T, H]`.
  let feedForwardInput: QuantizedActivations?
  /// Of down: `[T, F]`.
  let inner: QuantizedActivations?
  /// Positions of queries and keys.
  let rotary: RotaryTable
  /// Gate, up and GELU run block by block and only leave quantised values.
  let fusesGate: Bool

  /// One plan for each layer of `model`.
  static func plans(for model: GemmaModel, chunk: Int, rotaries: [RotaryTable]) -> [LayerPlan] {
    struct Key: Hashable {
      let role: Int
      let width: Int
    }
    var made: [Key: QuantizedActivations] = [:]
    func activations(_ role: Int, _ consumers: [Linear?]) -> QuantizedActivations? {
      guard let width = consumers.first(where: { $0?.isQuantized ?? false })??.inputs else { return nil }
      let key = Key(role: role, width: width)
      let found = made[key] ?? QuantizedActivations(capacity: chunk, width: width)
      made[key] = found
      return found
    }
    return model.layers.enumerated().map { index, layer in
      let p = layer.projections
      let fuses = [Projection.gate, .up, .down].allSatisfy { layer[$0].isQuantized }
      return LayerPlan(
        attentionInput: activations(0, [p[0], p[1], p[2], layer.laurel?.left]),
        attended: activations(1, [p[3]]), feedForwardInput: activations(2, [p[4], p[5]]),
        inner: activations(3, [p[6]]), rotary: rotaries[index],
        fusesGate: fuses && layer.description.sparsityCutoff == nil)
    }
  }
}

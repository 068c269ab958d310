/// What a tensor is for, whatever a file calls it.
public enum TensorRole: Hashable, Sendable {
  /// Embedding and, tied, the output head. `[vocabulary, hidden]`
  case embedding
  /// An output head of its own; hardly any Gemma has one. `[vocabulary, hidden]`
  case head
  /// Before the head. `[hidden]`
  case finalNorm
  /// Table of per-layer embeddings. `[per-layer vocabulary, layers · size]`
  case perLayerEmbedding
  /// From the embedding to the per-layer inputs. `[layers · size, hidden]`
  case perLayerModelProjection
  /// On each layer's part of that projection. `[size]`
  case perLayerProjectionNorm
  /// From the embedding to the other residual streams. `[streams - 1, hidden, hidden]`
  case streamProjections
  /// From the other residual streams back. `[streams - 1, hidden, hidden]`
  case streamUnprojections
  /// A tensor of one decoder layer.
  case layer(Int, LayerTensor)
}

/// The tensors that a decoder layer can have.
public enum LayerTensor: String, CaseIterable, Sendable {
  case query, key, value, output, gate, up, down
  case inputNorm, postAttentionNorm, preFeedForwardNorm, postFeedForwardNorm, queryNorm, keyNorm
  case scalar
  case perLayerGate, perLayerProjection, perLayerNorm
  case streamRouter, streamRouterNorm, predictionCoefficients, correctionCoefficients, correctionScale
  case laurelLeft, laurelRight, laurelNorm
  case expertRouter, expertRouterScale, expertScale, expertGateUp, expertDown
  case preExpertNorm, postDenseNorm, postExpertNorm

  /// The tensor of a projection.
  public init(_ projection: Projection) {
    switch projection {
    case .query: self = .query
    case .key: self = .key
    case .value: self = .value
    case .output: self = .output
    case .gate: self = .gate
    case .up: self = .up
    case .down: self = .down
    }
  }
}

/// One tensor that a model consists of.
public struct ModelTensor: Sendable, Equatable {
  /// How a tensor may be stored and is used.
  public enum Kind: Sendable {
    /// A table of which single rows are read; the embedding is a matrix at the same time.
    case table
    /// A matrix that activations are multiplied with, or a stack of them: may be quantised.
    case matrix
    /// A gain of an RMSNorm, which some files store as `gain - 1`.
    case norm
    /// Scales and small coefficients: always f32 here.
    case coefficients
  }

  /// What it is for.
  public let role: TensorRole
  /// Extents, outermost first.
  public let shape: [Int]
  /// How it is used.
  public let kind: Kind

  /// Describes a tensor.
  public init(role: TensorRole, shape: [Int], kind: Kind) {
    self.role = role
    self.shape = shape
    self.kind = kind
  }
}

extension GemmaConfiguration {
  /// Every tensor that the model consists of, with its shape, in the order of the forward pass.
  public var tensors: [ModelTensor] {
    var tensors = [
      ModelTensor(role: .embedding, shape: [vocabularySize, hiddenSize], kind: .table),
      ModelTensor(role: .finalNorm, shape: [hiddenSize], kind: .norm),
    ]
    if let perLayerInput {
      let width = perLayerInput.size * layerCount
      tensors += [
        ModelTensor(role: .perLayerEmbedding, shape: [perLayerInput.vocabularySize, width], kind: .table),
        ModelTensor(role: .perLayerModelProjection, shape: [width, hiddenSize], kind: .matrix),
        ModelTensor(role: .perLayerProjectionNorm, shape: [perLayerInput.size], kind: .norm),
      ]
    }
    if let alternatingUpdates, alternatingUpdates.streams > 1 {
      let shape = [alternatingUpdates.streams - 1, hiddenSize, hiddenSize]
      tensors.append(ModelTensor(role: .streamProjections, shape: shape, kind: .matrix))
      tensors.append(ModelTensor(role: .streamUnprojections, shape: shape, kind: .matrix))
    }
    for layer in layers.indices { tensors += self.tensors(layer: layer) }
    return tensors
  }

  private func tensors(layer: Int) -> [ModelTensor] {
    let d = layers[layer]
    let h = hiddenSize
    var tensors: [ModelTensor] = []
    func add(_ tensor: LayerTensor, _ shape: [Int], _ kind: ModelTensor.Kind) {
      tensors.append(ModelTensor(role: .layer(layer, tensor), shape: shape, kind: kind))
    }
    add(.inputNorm, [h], .norm)
    if d.hasOutputNorms { add(.postAttentionNorm, [h], .norm) }
    add(.preFeedForwardNorm, [h], .norm)
    if d.hasOutputNorms { add(.postFeedForwardNorm, [h], .norm) }
    if d.normsQueriesAndKeys {
      add(.queryNorm, [d.headDim], .norm)
      if d.ownsKeys { add(.keyNorm, [d.headDim], .norm) }
    }
    for projection in Projection.allCases {
      if let shape = shape(projection, layer: layer) {
        add(LayerTensor(projection), [shape.outputs, shape.inputs], .matrix)
      }
    }
    if let experts = d.experts { addExperts(experts, add) }
    if let size = perLayerInput?.size {
      add(.perLayerGate, [size, h], .matrix)
      add(.perLayerProjection, [h, size], .matrix)
      add(.perLayerNorm, [h], .norm)
    }
    if let altUp = alternatingUpdates {
      add(.streamRouter, [altUp.streams, h], .coefficients)
      add(.streamRouterNorm, [h], .norm)
      add(.predictionCoefficients, [altUp.streams * altUp.streams, altUp.streams], .coefficients)
      add(.correctionCoefficients, [altUp.streams, altUp.streams], .coefficients)
      add(.correctionScale, [h], .coefficients)
    }
    if let laurelRank {
      add(.laurelLeft, [laurelRank, h], .matrix)
      add(.laurelRight, [h, laurelRank], .matrix)
      add(.laurelNorm, [h], .norm)
    }
    if d.hasScalar { add(.scalar, [1], .coefficients) }
    return tensors
  }

  private func addExperts(
    _ experts: LayerDescription.Experts, _ add: (LayerTensor, [Int], ModelTensor.Kind) -> Void
  ) {
    let (h, n, f) = (hiddenSize, experts.count, experts.intermediateSize)
    add(.preExpertNorm, [h], .norm)
    add(.postDenseNorm, [h], .norm)
    add(.postExpertNorm, [h], .norm)
    add(.expertRouter, [n, h], .coefficients)
    add(.expertRouterScale, [h], .coefficients)
    add(.expertScale, [n], .coefficients)
    add(.expertGateUp, [n, 2 * f, h], .matrix)
    add(.expertDown, [n, h, f], .matrix)
  }
}

import Numerics

/// The frozen weights of a Gemma text model. Shared by any number of sessions and adapters.
///
/// Norms hold gains: where a checkpoint stores `gain - 1`, loading has added it.
public final class GemmaModel: Sendable {
  /// One decoder layer: what every Gemma has, and what only some have.
  public struct Layer: Sendable {
    /// Shapes and kinds.
    public let description: LayerDescription
    /// Before attention. `[hidden]`
    public let inputNorm: FloatBuffer
    /// On the attention's output. `[hidden]`
    public let postAttentionNorm: FloatBuffer?
    /// Before the MLP. `[hidden]`
    public let preFeedForwardNorm: FloatBuffer
    /// On the MLP's output. `[hidden]`
    public let postFeedForwardNorm: FloatBuffer?
    /// Per query head, before RoPE. `[headDim]`
    public let queryNorm: FloatBuffer?
    /// Per key head, before RoPE. `[headDim]`
    public let keyNorm: FloatBuffer?
    /// Per value head: all ones. `[headDim]`
    public let valueNorm: FloatBuffer?
    /// The seven matrices, by `Projection.index`; nil where the layer has none.
    public let projections: [Linear?]
    /// The mixture of experts beside the MLP.
    public let experts: Experts?
    /// Where the per-layer input enters.
    public let perLayerInput: PerLayerInput?
    /// Prediction and correction of the residual streams.
    public let alternatingUpdates: AlternatingUpdates?
    /// The learned side path around attention.
    public let laurel: Laurel?
    /// What the output is multiplied by.
    public let scalar: Float?

    /// The matrix of a projection that the layer has.
    public subscript(projection: Projection) -> Linear {
      guard let linear = projections[projection.index] else {
        preconditionFailure("the layer has no \(projection.rawValue)")
      }
      return linear
    }
  }

  /// A gated MLP per expert, of which a router chooses some for each token.
  public struct Experts: Sendable {
    /// One expert's matrices.
    public struct Expert: Sendable {
      /// `[intermediate, hidden]`
      public let gate: Linear
      /// `[intermediate, hidden]`
      public let up: Linear
      /// `[hidden, intermediate]`
      public let down: Linear
    }

    /// Gain of the router's norm: scale / √hidden. `[hidden]`
    public let routerNorm: FloatBuffer
    /// `[experts, hidden]`
    public let router: FloatBuffer
    /// What each expert's output is multiplied by. `[experts]`
    public let scales: FloatBuffer
    /// Before the experts. `[hidden]`
    public let inputNorm: FloatBuffer
    /// On the dense MLP's output. `[hidden]`
    public let denseNorm: FloatBuffer
    /// On the experts' output. `[hidden]`
    public let outputNorm: FloatBuffer
    /// All of them.
    public let experts: [Expert]
  }

  /// How a layer takes its per-layer input: `x += norm(projection(gelu(gate(x)) · input))`.
  public struct PerLayerInput: Sendable {
    /// `[size, hidden]`
    public let gate: Linear
    /// `[hidden, size]`
    public let projection: Linear
    /// `[hidden]`
    public let norm: FloatBuffer
  }

  /// Coefficients of one layer's alternating updates; S streams.
  public struct AlternatingUpdates: Sendable {
    /// Gain of the router's norm, divided by hidden. `[hidden]`
    public let routerNorm: FloatBuffer
    /// `[S, hidden]`
    public let router: FloatBuffer
    /// `[S · S, S]`; entry `j · S + i` is what stream `i` adds to the prediction of stream `j`.
    public let prediction: FloatBuffer
    /// `[S, S]`
    public let correction: FloatBuffer
    /// On the corrected active stream before it gates the per-layer input. `[hidden]`
    public let correctionScale: FloatBuffer?
  }

  /// A learned augmented residual: `x + norm(right(left(x)))`.
  public struct Laurel: Sendable {
    /// `[rank, hidden]`
    public let left: Linear
    /// `[hidden, rank]`
    public let right: Linear
    /// `[hidden]`
    public let norm: FloatBuffer
  }

  /// The table of per-layer embeddings and its companion, a projection of the embedding.
  public struct PerLayerEmbedding: Sendable {
    /// `[vocabulary, layers · size]`
    public let table: RowTable
    /// `[layers · size, hidden]`
    public let projection: Linear
    /// On one layer's part of the projection. `[size]`
    public let norm: FloatBuffer
  }

  /// From the embedding to the other residual streams and back, one matrix `[hidden, hidden]` each.
  public struct Streams: Sendable {
    /// To the streams.
    public let projections: [Linear]
    /// Back.
    public let unprojections: [Linear]
  }

  /// Hyper-parameters.
  public let configuration: GemmaConfiguration
  /// File or directory that the weights came from.
  public let path: String
  /// What people should know about the loading: matrices that are held in another form than the file's and what that
  /// loses, why there is no packed cache.
  public let notes: [String]
  /// Embedding. `[vocabulary, hidden]`
  public let embedding: Linear
  /// Output head: the embedding itself, unless the file has a head of its own. `[vocabulary, hidden]`
  public let head: Linear
  /// Decoder layers in order.
  public let layers: [Layer]
  /// Before the head. `[hidden]`
  public let finalNorm: FloatBuffer
  /// Per-layer embeddings.
  public let perLayerEmbedding: PerLayerEmbedding?
  /// The matrices between embedding and residual streams.
  public let streams: Streams?

  init(_ loader: ModelLoader) throws(GemmaError) {
    configuration = loader.configuration
    path = loader.source.path
    embedding = try loader.embedding()
    head = try loader.head() ?? embedding
    finalNorm = try loader.vector(.finalNorm)
    perLayerEmbedding = try loader.perLayerEmbedding()
    streams = try loader.streams()
    var layers: [Layer] = []
    for index in configuration.layers.indices { layers.append(try loader.layer(index)) }
    self.layers = layers
    loader.cache.finish()
    notes = loader.cache.notes
  }

  /// Every matrix that activations are multiplied with, the head included; of experts only those a token uses count.
  private var matrices: [(linear: Linear, share: Double)] {
    var matrices = [(head, 1.0)]
    func add(_ linears: [Linear?], share: Double = 1) {
      for case let linear? in linears { matrices.append((linear, share)) }
    }
    add([perLayerEmbedding?.projection])
    add((streams?.projections ?? []) + (streams?.unprojections ?? []))
    for layer in layers {
      add(layer.projections)
      add([
        layer.perLayerInput?.gate, layer.perLayerInput?.projection, layer.laurel?.left, layer.laurel?.right,
      ])
      guard let experts = layer.experts, let sizes = layer.description.experts else { continue }
      for expert in experts.experts {
        add([expert.gate, expert.up, expert.down], share: Double(sizes.active) / Double(sizes.count))
      }
    }
    return matrices
  }

  /// Widths of all inputs that have to be quantised.
  var quantizedWidths: Set<Int> { Set(matrices.filter(\.linear.isQuantized).map(\.linear.inputs)) }

  /// Bytes of weights that one decoded token reads, the head included.
  public var bytesPerToken: Int {
    Int(matrices.reduce(0) { $0 + Double($1.linear.byteCount) * $1.share })
  }

  /// Number of weights in matrices, tables included.
  public var parameterCount: Int {
    let table = perLayerEmbedding.map { $0.table.rows * $0.table.width } ?? 0
    let own = head === embedding ? 0 : embedding.outputs * embedding.inputs
    return matrices.reduce(table + own) { $0 + $1.linear.outputs * $1.linear.inputs }
  }
}

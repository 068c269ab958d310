import Gemma
import Numerics

extension TrainingPass {
  /// Bytes that a pass and its adapter take beside the base's own weights: activations, gradients on their way, the turned
  /// copies of quantised matrices, trained tensors with gradients and moments.
  ///
  /// The count goes through the code that allocates. Held-out examples, checkpoints being written and the data's index come on
  /// top.
  /// - Parameters:
  ///   - settings: of the adapter.
  ///   - maximumTokens: of one packed batch; `longest` is the longest single sequence.
  ///   - recomputes: keeps only the inputs of layers; see `TrainingRecipe.recomputes`.
  public static func bytesNeeded(
    model: GemmaModel, settings: AdapterSettings, maximumTokens: Int, longest: Int, recomputes: Bool,
    dropout: Float = 0, threads: Int = WorkerPool.shared.threadCount
  ) -> Int {
    let c = model.configuration
    let plan = GradientPlan(settings, c)
    let memory = BufferSource(allocates: false)
    _ = TrainingBuffers(
      c, plan, tokens: maximumTokens, longest: longest, recomputes: recomputes, dropout: dropout > 0,
      threads: threads, memory)
    memory.count(InputGradient.byteCount(model.head))
    for layer in model.layers.indices {
      for projection in Projection.allCases where plan.needsInputGradient(projection, layer) {
        memory.count(InputGradient.byteCount(model.layers[layer][projection]))
      }
    }
    let angles = Set(c.layers.map(\.rotary)).count * longest * c.layers[0].headDim
    memory.count((angles + trainedValues(settings, c)) * MemoryLayout<Float>.size)
    return memory.bytes
  }

  /// Numbers that an adapter holds: each trained value has a gradient and two moments, each magnitude a gain.
  private static func trainedValues(_ settings: AdapterSettings, _ c: GemmaConfiguration) -> Int {
    var count = 4 * settings.tokens.count * c.hiddenSize
    for layer in 0..<c.layerCount {
      for projection in settings.targets {
        guard let shape = c.shape(projection, layer: layer) else { continue }
        count += 4 * settings.rank * (shape.inputs + shape.outputs)
        if settings.hasMagnitudes { count += 5 * shape.outputs }
      }
    }
    return count
  }
}

import Foundation
import Gemma
import Numerics
import Weights

/// LoRA factors with their gradients and AdamW moments.
public final class TrainableAdapter {
  /// One factor matrix.
  final class Parameter {
    let name: String  // PEFT's tensor name
    let shape: [Int]
    let value: FloatBuffer
    let gradient: FloatBuffer
    let first: FloatBuffer
    let second: FloatBuffer

    init(name: String, shape: [Int], value: FloatBuffer) {
      self.name = name
      self.shape = shape
      self.value = value
      gradient = FloatBuffer(value.count)
      first = FloatBuffer(value.count)
      second = FloatBuffer(value.count)
    }
  }

  struct Module {
    let a: Parameter  // [rank, inputs]
    let b: Parameter  // [outputs, rank]
    let rank: Int
    let scale: Float
  }

  /// Inner width of all factors.
  public let rank: Int
  /// `y += alpha / rank · B(Ax)`.
  public let alpha: Float
  let configuration: GemmaConfiguration
  /// By `layer * 7 + Projection.index`; nil where a layer lacks the projection.
  let modules: [Module?]
  var parameters: [Parameter] { modules.compactMap(\.self).flatMap { [$0.a, $0.b] } }

  /// Number of trained values.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.value.count } }

  /// Fresh factors on all seven projections: A uniform in ±1/√inputs (PEFT's Kaiming start), B zero.
  public init(_ configuration: GemmaConfiguration, rank: Int, alpha: Float, seed: UInt64) {
    var random = SeededRandom(seed: seed)
    self.rank = rank
    self.alpha = alpha
    self.configuration = configuration
    var modules: [Module?] = []
    for layer in 0..<configuration.layerCount {
      for projection in Projection.allCases {
        guard let shape = configuration.shape(projection, layer: layer) else {
          modules.append(nil)
          continue
        }
        let bound = 1 / Float(shape.inputs).squareRoot()
        let a = FloatBuffer((0..<rank * shape.inputs).map { _ in random.uniform(within: bound) })
        modules.append(
          Self.module(
            layer, projection, shape, rank: rank, scale: alpha / Float(rank), a: a,
            b: FloatBuffer(shape.outputs * rank)))
      }
    }
    self.modules = modules
  }

  /// Takes the factors of a saved adapter over, which must cover all projections with one rank.
  ///
  /// - Throws: `WeightsError`; `GemmaError.adapter` where it does not fit.
  public init(_ configuration: GemmaConfiguration, directory: String) throws {
    let adapter = try PEFTAdapter(directory: directory)
    let loaded = try LoRAAdapter(adapter, path: directory, configuration: configuration)
    rank = adapter.rank
    alpha = Float(adapter.alpha)
    self.configuration = configuration
    var modules: [Module?] = []
    for layer in 0..<configuration.layerCount {
      for projection in Projection.allCases {
        guard let shape = configuration.shape(projection, layer: layer) else {
          modules.append(nil)
          continue
        }
        guard let factors = loaded.factors(projection, layer: layer), factors.rank == rank else {
          throw GemmaError.adapter(
            path: directory, problem: "layer \(layer) has no \(projection.rawValue) factors of rank \(rank)")
        }
        modules.append(
          Self.module(
            layer, projection, shape, rank: rank, scale: factors.scale,
            a: factors.a,
            b: factors.b))
      }
    }
    self.modules = modules
  }

  private static func module(
    _ layer: Int, _ projection: Projection, _ shape: (outputs: Int, inputs: Int), rank: Int, scale: Float,
    a: FloatBuffer, b: FloatBuffer
  ) -> Module {
    let name = "base_model.model.model.layers.\(layer).\(projection.modulePath)"
    return Module(
      a: Parameter(name: name + ".lora_A.weight", shape: [rank, shape.inputs], value: a),
      b: Parameter(name: name + ".lora_B.weight", shape: [shape.outputs, rank], value: b), rank: rank,
      scale: scale)
  }

  /// - Precondition: the layer has the projection.
  func module(_ projection: Projection, layer: Int) -> Module {
    guard let module = modules[layer * Projection.allCases.count + projection.index] else {
      preconditionFailure("layer \(layer) has no \(projection.rawValue)")
    }
    return module
  }

  /// The factors for inference; shares memory with the trained values.
  public func inferenceView() -> LoRAAdapter {
    LoRAAdapter(
      factors: modules.map { module in
        module.map { .init(rank: $0.rank, scale: $0.scale, a: $0.a.value, b: $0.b.value) }
      })
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

  /// Writes a PEFT adapter directory.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func write(to directory: String, baseModelName: String) throws {
    var outputs: [PEFTAdapter.OutputModule] = []
    for layer in 0..<configuration.layerCount {
      for projection in Projection.allCases {
        guard let shape = configuration.shape(projection, layer: layer) else { continue }
        let module = module(projection, layer: layer)
        outputs.append(
          PEFTAdapter.OutputModule(
            modulePath: "model.layers.\(layer).\(projection.modulePath)", inputs: shape.inputs,
            outputs: shape.outputs, a: module.a.value.array, b: module.b.value.array))
      }
    }
    try PEFTAdapter.write(
      outputs, rank: rank, alpha: Double(alpha), baseModelName: baseModelName, to: directory)
  }
}

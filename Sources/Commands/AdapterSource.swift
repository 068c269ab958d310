import Foundation
import Gemma
import Numerics
import Weights

/// An adapter in either of its two forms, a PEFT folder or a GGUF file: factors for matrices of a base.
struct AdapterSource {
  /// The factors of one matrix, which gains `scale · B A`.
  struct Module {
    let projection: Projection
    let layer: Int
    let a: Tensor  // [rank, inputs]
    let b: Tensor  // [outputs, rank]
    let scale: Float

    var role: TensorRole { .layer(layer, LayerTensor(projection)) }
    var rank: Int { a.shape[0] }
    var inputs: Int { a.shape[1] }
    var outputs: Int { b.shape[0] }
  }

  let path: String
  let modules: [Module]
  private let byRole: [TensorRole: Module]

  /// Reads the folder or file at `path`.
  init(path: String) throws {
    let isFolder = FileManager.default.fileExists(atPath: path + "/adapter_config.json")
    let modules = isFolder ? try Self.peftModules(path) : try Self.ggufModules(path)
    self.path = path
    self.modules = modules
    byRole = Dictionary(modules.map { ($0.role, $0) }, uniquingKeysWith: { first, _ in first })
    guard byRole.count == modules.count else {
      throw Failure("\(path): two modules belong to one matrix; the adapter is damaged")
    }
  }

  private static func peftModules(_ path: String) throws -> [Module] {
    try PEFTAdapter(directory: path).modules.map { module in
      guard let place = place(module.modulePath, separator: "layers", name: \.modulePath) else {
        throw Failure("\(path): module \(module.modulePath) is not one of a Gemma layer's seven matrices")
      }
      return Module(
        projection: place.projection, layer: place.layer, a: module.a, b: module.b, scale: module.scale)
    }
  }

  private static func ggufModules(_ path: String) throws -> [Module] {
    try GGUFAdapter(path: path).modules.map { module in
      guard let place = place(module.tensorName, separator: "blk", name: Self.ggufName) else {
        throw Failure("\(path): \(module.tensorName) is not one of a Gemma layer's seven matrices")
      }
      return Module(
        projection: place.projection, layer: place.layer, a: module.a, b: module.b, scale: module.scale)
    }
  }

  /// `attn_q.weight` and so on: what follows the layer in the names of GGUF.
  private static func ggufName(_ projection: Projection) -> String {
    String(GGUFNames().name(.layer(0, LayerTensor(projection))).dropFirst("blk.0.".count))
  }

  private static func place(
    _ name: String, separator: String, name of: (Projection) -> String
  ) -> (layer: Int, projection: Projection)? {
    let parts = name.split(separator: ".").map(String.init)
    guard let marker = parts.lastIndex(of: separator), marker + 2 < parts.count,
      let layer = Int(parts[marker + 1]), layer >= 0
    else { return nil }
    let rest = parts[(marker + 2)...].joined(separator: ".")
    return Projection.allCases.first { of($0) == rest }.map { (layer, $0) }
  }
}

// MARK: - Merging

extension AdapterSource {
  /// Checks that every module has its matrix in a model of the given configuration.
  func check(_ configuration: GemmaConfiguration) throws {
    for module in modules {
      guard module.layer < configuration.layerCount,
        let shape = configuration.shape(module.projection, layer: module.layer)
      else {
        throw GemmaError.adapter(
          path: path,
          problem: "layer \(module.layer) of the base has no \(module.projection.rawValue); "
            + "the adapter belongs to another one")
      }
      guard (module.outputs, module.inputs) == shape else {
        throw GemmaError.adapter(
          path: path,
          problem: "\(module.projection.rawValue) of layer \(module.layer) is for a matrix of "
            + "\(module.outputs) x \(module.inputs), the base has \(shape.outputs) x \(shape.inputs); "
            + "the adapter belongs to another one")
      }
    }
  }

  /// Whether the adapter changes the matrix.
  func changes(_ role: TensorRole) -> Bool { byRole[role] != nil }

  /// Adds the adapter's product to a matrix, `[outputs, inputs]`.
  func merge(into matrix: inout [Float], _ role: TensorRole) {
    guard let module = byRole[role] else { return }
    precondition(matrix.count == module.outputs * module.inputs, "checked before")
    let (a, b) = (module.a.floats(), module.b.floats())
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        matrix.withUnsafeMutableBufferPointer { matrix in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = matrix.baseAddress else { return }
          BLAS.shared.multiply(
            m: module.outputs, n: module.inputs, k: module.rank, alpha: module.scale, a: b, lda: module.rank,
            b: a, ldb: module.inputs, beta: 1, c: c, ldc: module.inputs)
        }
      }
    }
  }
}

// MARK: - Writing

extension AdapterSource {
  /// Writes the adapter as a GGUF file for a base of the given configuration.
  func writeGGUF(_ configuration: GemmaConfiguration, name: String, to path: String) throws {
    try check(configuration)
    let names = GGUFNames()
    try GGUFAdapter.write(
      modules.map { module in
        GGUFAdapter.OutputModule(
          tensorName: names.name(module.role), inputs: module.inputs, outputs: module.outputs,
          a: module.a.floats(), b: module.b.floats(), scale: module.scale)
      }, architecture: configuration.generation.rawValue, name: name, to: path)
  }

  /// Writes the adapter as a PEFT folder, with the module names of a text model.
  ///
  /// The folder knows one alpha and one rank; a module of lower rank is filled up with zeros, and what its scale
  /// needs beyond the common one goes into its factor B.
  func writePEFT(baseModelName: String?, to directory: String) throws {
    let rank = modules.map(\.rank).max() ?? 0
    // A module may be scaled by 0; the common scale must not be.
    let scale = modules.first { $0.scale != 0 }?.scale ?? 1
    let outputs = modules.map { module in
      let factor = scale == 0 ? 0 : module.scale / scale
      let a = module.a.floats() + [Float](repeating: 0, count: (rank - module.rank) * module.inputs)
      let stored = module.b.floats()
      let b = (0..<module.outputs * rank).map { index in
        let (row, column) = (index / rank, index % rank)
        return column < module.rank ? stored[row * module.rank + column] * factor : 0
      }
      return PEFTAdapter.OutputModule(
        modulePath: "model.layers.\(module.layer).\(module.projection.modulePath)", inputs: module.inputs,
        outputs: module.outputs, a: a, b: b)
    }
    try PEFTAdapter.write(
      outputs, rank: rank, alpha: Double(scale) * Double(rank), baseModelName: baseModelName, to: directory)
  }
}

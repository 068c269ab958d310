import Foundation
import Gemma
import Numerics
import Weights

/// An adapter in either of its two forms, a PEFT folder or a GGUF file: factors for matrices of a base.
struct AdapterSource {
  /// The factors of one matrix, which gains `scale · B A`; with a magnitude its rows are brought to these norms (DoRA).
  struct Module {
    let projection: Projection
    let layer: Int
    let a: Tensor  // [rank, inputs]
    let b: Tensor  // [outputs, rank]
    let scale: Float
    var magnitude: Tensor?  // [outputs]

    var role: TensorRole { .layer(layer, LayerTensor(projection)) }
    var rank: Int { a.shape[0] }
    var inputs: Int { a.shape[1] }
    var outputs: Int { b.shape[0] }
  }

  let path: String
  let modules: [Module]
  /// Rows of the embedding that replace the base's.
  let tokenRows: PEFTAdapter.TokenRows?
  private let byRole: [TensorRole: Module]

  /// Reads the folder or file at `path`.
  init(path: String) throws {
    let isFolder = FileManager.default.fileExists(atPath: path + "/adapter_config.json")
    let folder = isFolder ? try PEFTAdapter(directory: path, variants: .read) : nil
    let modules = try folder.map { try Self.peftModules($0) } ?? Self.ggufModules(path)
    self.path = path
    self.modules = modules
    tokenRows = folder?.tokenRows
    byRole = Dictionary(modules.map { ($0.role, $0) }, uniquingKeysWith: { first, _ in first })
    guard byRole.count == modules.count else {
      throw Failure("\(path): two modules belong to one matrix; the adapter is damaged")
    }
  }

  private static func peftModules(_ folder: PEFTAdapter) throws -> [Module] {
    let path = folder.directory
    return try folder.modules.map { module in
      guard let place = place(module.modulePath, separator: "layers", name: \.modulePath) else {
        throw Failure("\(path): module \(module.modulePath) is not one of a Gemma layer's seven matrices")
      }
      return Module(
        projection: place.projection, layer: place.layer, a: module.a, b: module.b, scale: module.scale,
        magnitude: module.magnitude)
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
    guard let tokenRows else { return }
    guard tokenRows.rows.shape[1] == configuration.hiddenSize,
      tokenRows.tokens.allSatisfy({ $0 < configuration.vocabularySize })
    else {
      throw GemmaError.adapter(
        path: path,
        problem:
          "its token rows \(tokenRows.rows.shape) do not fit \(configuration.vocabularySize) tokens of "
          + "\(configuration.hiddenSize); the adapter belongs to another base")
    }
  }

  /// Whether the adapter changes the matrix.
  func changes(_ role: TensorRole) -> Bool {
    byRole[role] != nil || role == .embedding && tokenRows != nil
  }

  /// Adds the adapter's product to a matrix, `[outputs, inputs]`, or puts its rows into the embedding.
  func merge(into matrix: inout [Float], _ role: TensorRole) {
    if role == .embedding, let tokenRows {
      let width = tokenRows.rows.shape[1]
      for (token, row) in zip(tokenRows.tokens, 0...) {
        let values = tokenRows.rows.rows(row..<(row + 1)).floats()
        matrix.replaceSubrange((token * width)..<(token * width + width), with: values)
      }
    }
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
    guard let magnitude = module.magnitude?.floats() else { return }
    for (row, wanted) in magnitude.enumerated() {
      let range = row * module.inputs..<(row + 1) * module.inputs
      let norm = matrix[range].reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
      let gain = norm > 0 ? wanted / norm : 0
      for index in range { matrix[index] *= gain }
    }
  }
}

// MARK: - Writing

extension AdapterSource {
  /// Writes the adapter as a GGUF file for a base of the given configuration; the format knows neither DoRA nor token rows.
  func writeGGUF(_ configuration: GemmaConfiguration, name: String, to path: String) throws {
    guard tokenRows == nil, modules.allSatisfy({ $0.magnitude == nil }) else {
      throw Failure(
        "\(self.path): a GGUF adapter has no room for DoRA and token rows; "
          + "write a merged model with gemfill model export --adapter")
    }
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
        outputs: module.outputs, a: a, b: b, magnitude: module.magnitude?.floats())
    }
    try PEFTAdapter.write(
      outputs, rank: rank, alpha: Double(scale) * Double(rank), baseModelName: baseModelName,
      tokenRows: tokenRows.map { .init(tokens: $0.tokens, rows: $0.rows.floats()) }, to: directory)
  }
}

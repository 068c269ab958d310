import Foundation
import Numerics
import Weights

extension GemmaModel {
  /// Loads a GGUF file or a transformers directory (`config.json` beside safetensors). What people should know, such as
  /// what was lost by rounding, is in `notes`.
  ///
  /// - Throws: `WeightsError`, `GemmaError`.
  public static func load(
    path: String, precision: WeightPrecision = .native, caching: PackedCaching = .off
  ) throws -> GemmaModel {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      let directory = try ModelDirectory(path: path)
      let configuration = try GemmaConfiguration(json: directory.configuration, path: path + "/config.json")
      return try GemmaModel(
        configuration, directory, names: HubNames(configuration, in: directory), precision: precision,
        caching: caching)
    }
    let gguf = try GGUFFile(path: path)
    return try GemmaModel(
      GemmaConfiguration(gguf: gguf), gguf, names: GGUFNames(), precision: precision, caching: caching)
  }

  /// Takes the weights over from `source`, whose tensors are named by `names`.
  ///
  /// - Throws: `GemmaError` that names file and tensor.
  public convenience init(
    _ configuration: GemmaConfiguration, _ source: any TensorSource, names: any TensorNames,
    precision: WeightPrecision, caching: PackedCaching = .off
  ) throws(GemmaError) {
    try self.init(
      ModelLoader(
        configuration: configuration, source: source, names: names, precision: precision, caching: caching))
  }
}

/// Takes a model's tensors over from a file, each checked for presence, shape and finite numbers.
struct ModelLoader {
  let configuration: GemmaConfiguration
  let source: any TensorSource
  let names: any TensorNames
  let cache: PackedCache
  private let matrices: MatrixMaker
  private let expected: [TensorRole: ModelTensor]

  init(
    configuration: GemmaConfiguration, source: any TensorSource, names: any TensorNames,
    precision: WeightPrecision, caching: PackedCaching = .off
  ) {
    self.configuration = configuration
    self.source = source
    self.names = names
    cache = PackedCache(caching, source: source, precision: precision)
    let format = source.tensor(names.name(.layer(0, .query)))?.format
    matrices = MatrixMaker(
      path: source.path, precision: precision, quantizesPlain: (format?.blockSize ?? 1) > 1, cache: cache)
    expected = Dictionary(uniqueKeysWithValues: configuration.tensors.map { ($0.role, $0) })
  }

  private func model(_ role: TensorRole) -> ModelTensor {
    guard let tensor = expected[role] else { preconditionFailure("\(role) is not part of the model") }
    return tensor
  }

  private func tensor(_ name: String, shape: [Int]) throws(GemmaError) -> Tensor {
    guard let tensor = source.tensor(name) else {
      if let format = source.unreadableFormat(of: name) {
        throw .format(
          path: source.path, name: name, problem: "is stored as \(format), which is not read here")
      }
      throw .missingTensor(path: source.path, name: name)
    }
    guard tensor.shape == shape else {
      throw .shape(path: source.path, name: name, expected: shape, found: tensor.shape)
    }
    return tensor
  }

  private func tensor(_ role: TensorRole) throws(GemmaError) -> Tensor {
    try tensor(names.name(role), shape: model(role).shape)
  }

  /// A norm's gain, or other coefficients, as f32; `factor` multiplies them.
  func vector(_ role: TensorRole, factor: Float = 1) throws(GemmaError) -> FloatBuffer {
    let found = try tensor(role)
    let offset = model(role).kind == .norm ? names.normOffset : 0
    let values = found.floats()
    guard values.allSatisfy(\.isFinite) else { throw notFinite(found.name) }
    return FloatBuffer(values.map { ($0 + offset) * factor })
  }

  private func notFinite(_ name: String) -> GemmaError {
    .format(path: source.path, name: name, problem: "holds values that are not finite; the file is damaged")
  }

  private func linear(_ tensor: Tensor, optional: Bool) throws(GemmaError) -> Linear {
    try matrices.linear(tensor, key: tensor.name, isSide: optional)
  }

  /// Some rows of a tensor that holds several matrices.
  private func linear(_ tensor: Tensor, rows: Range<Int>) throws(GemmaError) -> Linear {
    try matrices.linear(
      tensor.rows(rows), key: "\(tensor.name)[\(rows.lowerBound)..<\(rows.upperBound)]", isSide: true)
  }

  func embedding() throws(GemmaError) -> Linear { try linear(tensor(.embedding), optional: false) }

  /// The head, where the file has one of its own.
  func head() throws(GemmaError) -> Linear? {
    let name = names.name(.head)
    guard source.tensor(name) != nil || source.unreadableFormat(of: name) != nil else { return nil }
    return try linear(tensor(name, shape: model(.embedding).shape), optional: false)
  }

  func perLayerEmbedding() throws(GemmaError) -> GemmaModel.PerLayerEmbedding? {
    guard configuration.perLayerInput != nil else { return nil }
    let table = try tensor(.perLayerEmbedding)
    guard table.isFinite else { throw notFinite(table.name) }
    return GemmaModel.PerLayerEmbedding(
      table: RowTable(table),
      projection: try linear(tensor(.perLayerModelProjection), optional: true),
      norm: try vector(.perLayerProjectionNorm))
  }

  func streams() throws(GemmaError) -> GemmaModel.Streams? {
    guard let altUp = configuration.alternatingUpdates else { return nil }
    guard altUp.streams > 1 else { return GemmaModel.Streams(projections: [], unprojections: []) }
    return GemmaModel.Streams(
      projections: try stack(.streamProjections), unprojections: try stack(.streamUnprojections))
  }

  /// The matrices of a stack, which lie in one tensor or in one each.
  private func stack(_ role: TensorRole) throws(GemmaError) -> [Linear] {
    let whole = model(role)
    let name = names.name(role)
    var linears: [Linear] = []
    guard !name.contains("%") else {
      for piece in names.names(whole) {
        linears.append(try linear(tensor(piece, shape: Array(whole.shape.dropFirst())), optional: true))
      }
      return linears
    }
    let found = try tensor(name, shape: whole.shape)
    let height = whole.shape[1]
    for index in 0..<whole.shape[0] {
      linears.append(try linear(found, rows: (index * height)..<((index + 1) * height)))
    }
    return linears
  }

  func layer(_ index: Int) throws(GemmaError) -> GemmaModel.Layer {
    let description = configuration.layers[index]
    func vector(_ tensor: LayerTensor, _ isThere: Bool) throws(GemmaError) -> FloatBuffer? {
      isThere ? try self.vector(.layer(index, tensor)) : nil
    }
    var projections: [Linear?] = []
    for projection in Projection.allCases {
      let isThere = description.shape(projection, hiddenSize: configuration.hiddenSize) != nil
      projections.append(
        isThere ? try linear(tensor(.layer(index, LayerTensor(projection))), optional: false) : nil)
    }
    return GemmaModel.Layer(
      description: description,
      inputNorm: try self.vector(.layer(index, .inputNorm)),
      postAttentionNorm: try vector(.postAttentionNorm, description.hasOutputNorms),
      preFeedForwardNorm: try self.vector(.layer(index, .preFeedForwardNorm)),
      postFeedForwardNorm: try vector(.postFeedForwardNorm, description.hasOutputNorms),
      queryNorm: try vector(.queryNorm, description.normsQueriesAndKeys),
      keyNorm: try vector(.keyNorm, description.normsQueriesAndKeys && description.ownsKeys),
      valueNorm: description.normsValues
        ? FloatBuffer([Float](repeating: 1, count: description.headDim)) : nil,
      projections: projections,
      experts: try experts(index),
      perLayerInput: try perLayerInput(index),
      alternatingUpdates: try alternatingUpdates(index),
      laurel: try laurel(index),
      scalar: try vector(.scalar, description.hasScalar)?[0])
  }

  private func perLayerInput(_ index: Int) throws(GemmaError) -> GemmaModel.PerLayerInput? {
    guard configuration.perLayerInput != nil else { return nil }
    return GemmaModel.PerLayerInput(
      gate: try linear(tensor(.layer(index, .perLayerGate)), optional: true),
      projection: try linear(tensor(.layer(index, .perLayerProjection)), optional: true),
      norm: try vector(.layer(index, .perLayerNorm)))
  }

  private func alternatingUpdates(_ index: Int) throws(GemmaError) -> GemmaModel.AlternatingUpdates? {
    guard let altUp = configuration.alternatingUpdates else { return nil }
    let correction = try vector(.layer(index, .correctionCoefficients))
    if let clip = altUp.coefficientClip {
      for i in 0..<correction.count { correction[i] = max(-clip, min(clip, correction[i])) }
    }
    let scale = try vector(.layer(index, .correctionScale))
    return GemmaModel.AlternatingUpdates(
      routerNorm: try vector(
        .layer(index, .streamRouterNorm), factor: 1 / Float(configuration.hiddenSize)),
      router: try vector(.layer(index, .streamRouter)),
      prediction: try vector(.layer(index, .predictionCoefficients)), correction: correction,
      correctionScale: altUp.scalesCorrection ? scale : nil)
  }

  private func laurel(_ index: Int) throws(GemmaError) -> GemmaModel.Laurel? {
    guard configuration.laurelRank != nil else { return nil }
    return GemmaModel.Laurel(
      left: try linear(tensor(.layer(index, .laurelLeft)), optional: true),
      right: try linear(tensor(.layer(index, .laurelRight)), optional: true),
      norm: try vector(.layer(index, .laurelNorm)))
  }

  private func experts(_ index: Int) throws(GemmaError) -> GemmaModel.Experts? {
    guard let sizes = configuration.layers[index].experts else { return nil }
    let gateUp = try tensor(.layer(index, .expertGateUp))
    let down = try tensor(.layer(index, .expertDown))
    let (f, h) = (sizes.intermediateSize, configuration.hiddenSize)
    var experts: [GemmaModel.Experts.Expert] = []
    for expert in 0..<sizes.count {
      let first = expert * 2 * f
      experts.append(
        GemmaModel.Experts.Expert(
          gate: try linear(gateUp, rows: first..<(first + f)),
          up: try linear(gateUp, rows: (first + f)..<(first + 2 * f)),
          down: try linear(down, rows: (expert * h)..<((expert + 1) * h))))
    }
    return GemmaModel.Experts(
      routerNorm: try vector(
        .layer(index, .expertRouterScale), factor: 1 / Float(configuration.hiddenSize).squareRoot()),
      router: try vector(.layer(index, .expertRouter)), scales: try vector(.layer(index, .expertScale)),
      inputNorm: try vector(.layer(index, .preExpertNorm)),
      denseNorm: try vector(.layer(index, .postDenseNorm)),
      outputNorm: try vector(.layer(index, .postExpertNorm)), experts: experts)
  }
}

import Foundation
import Gemma
import Numerics
import Tokenizer
import Weights

/// Turns a model from one form into another, tensor by tensor, so that one tensor at a time is in memory.
///
/// Within a form everything that the file holds is taken over, other towers of a multimodal model included; between
/// the two forms just the text model is.
struct ModelConversion {
  let source: ModelSource
  /// The format of the matrices; `nil` leaves each as it is.
  let format: BlockFormat?
  /// The format of the embedding where it differs: it is also the output head, in which errors cost most.
  var embeddingFormat: BlockFormat?
  /// An adapter to be added to the matrices it belongs to.
  var adapter: AdapterSource?
  /// Mean squares of what the matrices' columns meet: where rounding has to be careful.
  var statistics: ActivationStatistics?
  /// Called before each tensor with the share that is done; throws to stop.
  var progress: (Double) throws -> Void = { _ in }

  /// One tensor of the source and what becomes of it.
  struct Step {
    /// What it is; nil for what is only copied.
    let tensor: ModelTensor?
    /// The pieces in which the source stores it.
    let inputs: [Tensor]
    /// The pieces in which it is going to be stored.
    let outputs: [TensorPlan]
    /// What is added to every element.
    let shift: Float
  }

  /// Writes a GGUF file with the names and conventions of llama.cpp.
  func writeGGUF(to path: String, name: String) throws -> ConversionReport {
    var file = try GGUFMetadata(source: source, isChanged: adapter != nil).writer(
      name: name, fileType: format)
    let steps = try steps(GGUFNames(), isSameForm: source.gguf != nil)
    for plan in steps.flatMap(\.outputs) { file.append(plan) }
    if source.gguf == nil {
      for extra in source.configuration.ggufExtraTensors() { file.append(extra) }
    }
    var report = ConversionReport()
    var makers = makers(steps)
    try file.write(to: path) { _ in try makers.next(&report, progress) }
    return report
  }

  /// Writes the tensors of a transformers folder.
  func writeSafetensors(to path: String) throws -> ConversionReport {
    let isSameForm = source.directory != nil
    let names: any TensorNames = isSameForm ? source.names : HubNames(source.configuration)
    let steps = try steps(names, isSameForm: isSameForm)
    var report = ConversionReport()
    var makers = makers(steps)
    try SafetensorsFile.write(steps.flatMap(\.outputs), to: path) { _ in try makers.next(&report, progress) }
    return report
  }

  private func makers(_ steps: [Step]) -> TensorMakers {
    TensorMakers(conversion: self, steps: steps.flatMap { step in step.outputs.indices.map { (step, $0) } })
  }
}

// MARK: - What becomes of each tensor

extension ModelConversion {
  private func steps(_ names: any TensorNames, isSameForm: Bool) throws -> [Step] {
    if let adapter { try adapter.check(source.configuration) }
    let modelTensors = source.modelTensors
    // Norms hold their gain in one form and may hold gain - 1 in the other.
    let shift = source.names.normOffset - names.normOffset
    guard isSameForm else {
      return try modelTensors.map { try step($0, names, shift) }
    }
    var steps: [Step] = []
    var known: Set<String> = []
    for tensor in modelTensors {
      steps.append(try step(tensor, names, shift))
      known.formUnion(source.names.names(tensor))
    }
    for name in source.tensors.tensorNames where !known.contains(name) {
      let tensor = try source.tensors.require(name)
      let plan = TensorPlan(name: name, format: tensor.format, shape: tensor.shape)
      steps.append(Step(tensor: nil, inputs: [tensor], outputs: [plan], shift: 0))
    }
    return steps
  }

  private func step(_ tensor: ModelTensor, _ names: any TensorNames, _ shift: Float) throws -> Step {
    let inputs = try source.pieces(tensor)
    let target = try target(tensor, inputs[0])
    let outputs = names.names(tensor)
    let shape = names.isStackOfPieces(tensor.role) ? Array(tensor.shape.dropFirst()) : tensor.shape
    return Step(
      tensor: tensor, inputs: inputs,
      outputs: outputs.map { TensorPlan(name: $0, format: target, shape: shape) },
      shift: tensor.kind == .norm ? shift : 0)
  }

  /// The format in which a tensor is stored.
  private func target(_ tensor: ModelTensor, _ input: Tensor) throws -> BlockFormat {
    switch tensor.kind {
    case .norm, .coefficients: return .f32
    case .matrix, .table: break
    }
    let isEmbedding = tensor.kind == .table || tensor.role == .head
    let changes = adapter?.changes(tensor.role) ?? false
    let kept = changes && !input.format.canEncode ? .q8_0 : input.format
    let target = (isEmbedding ? embeddingFormat : nil) ?? format ?? kept
    guard (tensor.shape.last ?? 0) % target.blockSize == 0 else {
      guard tensor.isProjectionOrHead else { return .f32 }
      throw Failure(
        "\(source.path): tensor \(input.name) has rows of \(tensor.shape.last ?? 0) weights, which "
          + "\(target.rawValue) cannot hold (blocks of \(target.blockSize)); choose f16 or bf16")
    }
    return target
  }
}

extension TensorNames {
  /// Whether the form stores a stack of matrices in one tensor each.
  func isStackOfPieces(_ role: TensorRole) -> Bool { name(role).contains("%") }
}

extension ModelTensor {
  /// Whether the engine computes with the tensor in blocks only, whatever its rows are.
  fileprivate var isProjectionOrHead: Bool {
    switch role {
    case .embedding, .head: true
    case .layer(_, let tensor): Projection.allCases.contains { LayerTensor($0) == tensor }
    case .finalNorm, .perLayerEmbedding, .perLayerModelProjection, .perLayerProjectionNorm,
      .streamProjections, .streamUnprojections:
      false
    }
  }
}

// MARK: - Making them

/// Makes the planned tensors one after the other.
private struct TensorMakers {
  let conversion: ModelConversion
  let steps: [(step: ModelConversion.Step, index: Int)]
  private var position = 0

  init(conversion: ModelConversion, steps: [(ModelConversion.Step, Int)]) {
    self.conversion = conversion
    self.steps = steps
  }

  mutating func next(_ report: inout ConversionReport, _ progress: (Double) throws -> Void) throws
    -> OutputTensor
  {
    try progress(Double(position) / Double(steps.count))
    let (step, index) = steps[position]
    position += 1
    let plan = step.outputs[index]
    let isMerged = step.tensor.map { conversion.adapter?.changes($0.role) ?? false } ?? false
    if step.shift == 0, !isMerged, step.inputs.count == step.outputs.count,
      step.inputs[index].format == plan.format
    {
      report.add(plan, nil)
      return OutputTensor(copying: step.inputs[index], name: plan.name)
    }
    var floats = Self.floats(step, index)
    if step.shift != 0 { floats = floats.map { $0 + step.shift } }
    if isMerged, let tensor = step.tensor { conversion.adapter?.merge(into: &floats, tensor.role) }
    guard floats.allSatisfy(\.isFinite) else {
      throw Failure(
        "\(conversion.source.path): tensor \(step.inputs[0].name) holds values that are not finite; "
          + "the file is damaged")
    }
    let weights = step.tensor.flatMap { conversion.statistics?.columnWeights($0.role) }
    let (output, errors) = Self.rounded(floats, plan, weights)
    report.add(plan, step.tensor?.kind == .norm ? nil : errors)
    return output
  }

  /// The elements of one output: inputs and outputs are equal parts of the same whole.
  private static func floats(_ step: ModelConversion.Step, _ index: Int) -> [Float] {
    if step.inputs.count == step.outputs.count { return step.inputs[index].floats() }
    let whole = step.inputs.flatMap { $0.floats() }
    let count = whole.count / step.outputs.count
    return Array(whole[index * count..<(index + 1) * count])
  }

  private static func rounded(
    _ floats: [Float], _ plan: TensorPlan, _ weights: [Float]?
  ) -> (OutputTensor, ConversionReport.Errors?) {
    guard plan.format != .f32, let columns = plan.shape.last, columns > 0 else {
      return (OutputTensor(name: plan.name, shape: plan.shape, floats: floats), nil)
    }
    func error(_ bytes: [UInt8], _ buffer: UnsafeBufferPointer<Float>, _ weights: [Float]?)
      -> QuantizationError
    {
      bytes.withUnsafeBytes {
        QuantizationError(
          buffer, columns: columns, rounded: $0, format: plan.format, columnWeights: weights)
      }
    }
    return floats.withUnsafeBufferPointer { buffer in
      guard plan.format.blockSize > 1 else {
        let bytes = plan.format.quantize(buffer)
        let found = ConversionReport.Errors(found: error(bytes, buffer, nil))
        return (OutputTensor(name: plan.name, format: plan.format, shape: plan.shape, bytes: bytes), found)
      }
      let bytes = plan.format.quantize(
        buffer, columns: columns, rounding: .leastError(columnWeights: weights))
      let simple = plan.format.quantize(buffer, columns: columns, rounding: .toNearest)
      let errors = ConversionReport.Errors(
        found: error(bytes, buffer, nil), nearest: error(simple, buffer, nil),
        weightedFound: weights.map { error(bytes, buffer, $0) },
        weightedNearest: weights.map { error(simple, buffer, $0) })
      return (OutputTensor(name: plan.name, format: plan.format, shape: plan.shape, bytes: bytes), errors)
    }
  }
}

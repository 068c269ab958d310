import Gemma
import Numerics
import Tokenizer
import Weights

/// Turns a model from one form into another, tensor by tensor.
struct ModelConversion {
  let source: ModelSource
  /// The format of the matrices; `nil` leaves each as it is.
  let format: BlockFormat?
  /// The format of the embedding where it differs: it is also the output head, in which errors cost most.
  var embeddingFormat: BlockFormat?
  /// Called before each tensor with the share that is done; throws to stop.
  var progress: (Double) throws -> Void = { _ in }

  /// What rounding has cost.
  struct Report {
    /// Number of tensors written.
    var tensorCount = 0
    /// Bytes of all tensors.
    var byteCount = 0
    /// The tensor with the largest relative error.
    var worst: (name: String, error: Double)?
    private var squaredError = 0.0
    private var squaredSum = 0.0

    /// Root of the summed squared differences over that of the summed squares.
    var relativeError: Double { squaredSum > 0 ? (squaredError / squaredSum).squareRoot() : 0 }

    mutating func add(_ output: OutputTensor, of floats: [Float]?) {
      tensorCount += 1
      byteCount += output.bytes.count
      guard let floats else { return }
      var error = 0.0
      var sum = 0.0
      for (value, rounded) in zip(floats, output.floats()) {
        error += Double(value - rounded) * Double(value - rounded)
        sum += Double(value) * Double(value)
      }
      squaredError += error
      squaredSum += sum
      let relative = sum > 0 ? (error / sum).squareRoot() : 0
      if relative > worst?.error ?? 0 { worst = (output.name, relative) }
    }
  }

  /// Writes a GGUF file with the names and conventions of llama.cpp.
  func writeGGUF(to path: String, name: String) throws -> Report {
    var file = try GGUFMetadata(source: source).writer(name: name, fileType: format)
    let report = try convert(to: GGUFNames()) { file.append($0) }
    for tensor in source.configuration.ggufExtraTensors() { file.append(tensor) }
    try file.write(to: path)
    return report
  }

  /// Writes the tensors of a transformers folder.
  func writeSafetensors(to path: String) throws -> Report {
    var tensors: [OutputTensor] = []
    let report = try convert(to: HubNames(source.configuration)) { tensors.append($0) }
    try SafetensorsFile.write(tensors, to: path)
    return report
  }

  private func convert(to names: any TensorNames, _ take: (OutputTensor) -> Void) throws -> Report {
    var report = Report()
    let parts = source.configuration.tensors
    // Norms are stored as gains in one form and as gain - 1 in the other.
    let shift = source.names.normOffset - names.normOffset
    for (index, part) in parts.enumerated() {
      try progress(Double(index) / Double(parts.count))
      let tensor = try source.tensors.require(part, names: source.names)
      let (output, floats) = try convert(tensor, part, shift)
      report.add(output, of: floats)
      for piece in OutputTensor.pieces(of: output, part, names: names) { take(piece) }
    }
    return report
  }

  private func convert(
    _ tensor: Tensor, _ part: ModelTensor, _ shift: Float
  ) throws -> (OutputTensor, floats: [Float]?) {
    switch part.kind {
    case .norm:
      let floats = tensor.floats().map { $0 + shift }
      return (OutputTensor(name: tensor.name, shape: part.shape, floats: floats), nil)
    case .coefficients:
      return (OutputTensor(name: tensor.name, shape: part.shape, floats: tensor.floats()), nil)
    case .table, .matrix:
      let own = part.role == .embedding ? embeddingFormat : nil
      return try matrix(tensor, part, own ?? format ?? tensor.format)
    }
  }

  private func matrix(
    _ tensor: Tensor, _ part: ModelTensor, _ target: BlockFormat
  ) throws -> (OutputTensor, floats: [Float]?) {
    guard (part.shape.last ?? 0) % target.blockSize == 0 else {
      throw Failure(
        "\(source.path): tensor \(tensor.name) has rows of \(part.shape.last ?? 0) weights, which \(target.rawValue) "
          + "cannot hold (blocks of \(target.blockSize)); choose f16 or bf16")
    }
    if target == tensor.format { return (OutputTensor(copying: tensor), nil) }
    let floats = tensor.floats()
    guard floats.allSatisfy(\.isFinite) else {
      throw Failure(
        "\(source.path): tensor \(tensor.name) holds values that are not finite; the file is damaged")
    }
    return (OutputTensor(name: tensor.name, shape: part.shape, floats: floats, format: target), floats)
  }
}

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
    try file.write(to: path)
    return report
  }

  /// Writes the tensors of a transformers folder.
  func writeSafetensors(to path: String) throws -> Report {
    var tensors: [OutputTensor] = []
    let report = try convert(to: HubNames(NoTensors())) { tensors.append($0) }
    try SafetensorsFile.write(tensors, to: path)
    return report
  }

  private func convert(to names: any TensorNames, _ take: (OutputTensor) -> Void) throws -> Report {
    var report = Report()
    let parts = source.parts(names)
    // Norms are stored as w in one form and as 1 + w in the other.
    let shift: Float =
      switch (source.names.normsHoldOnePlus, names.normsHoldOnePlus) {
      case (false, true): 1
      case (true, false): -1
      case (true, true), (false, false): 0
      }
    for (index, (old, new)) in zip(source.parts(source.names), parts).enumerated() {
      try progress(Double(index) / Double(parts.count))
      let tensor = try source.tensors.require(old.name, shape: old.shape)
      if new.isNorm {
        let floats = tensor.floats().map { $0 + shift }
        let output = OutputTensor(name: new.name, shape: new.shape, floats: floats)
        report.add(output, of: nil)
        take(output)
      } else {
        let target = (new.isEmbedding ? embeddingFormat : nil) ?? format ?? tensor.format
        let (output, floats) = try matrix(tensor, new, target)
        report.add(output, of: floats)
        take(output)
      }
    }
    return report
  }

  private func matrix(
    _ tensor: Tensor, _ part: ModelSource.Part, _ target: BlockFormat
  ) throws -> (OutputTensor, floats: [Float]?) {
    guard (part.shape.last ?? 0) % target.blockSize == 0 else {
      throw Failure(
        "\(source.path): tensor \(tensor.name) has rows of \(part.shape.last ?? 0) weights, which \(target.rawValue) "
          + "cannot hold (blocks of \(target.blockSize)); choose f16 or bf16")
    }
    if target == tensor.format { return (OutputTensor(copying: tensor, name: part.name), nil) }
    let floats = tensor.floats()
    guard floats.allSatisfy(\.isFinite) else {
      throw Failure(
        "\(source.path): tensor \(tensor.name) holds values that are not finite; the file is damaged")
    }
    return (OutputTensor(name: part.name, shape: part.shape, floats: floats, format: target), floats)
  }
}

/// A source in which nothing is found, so that names take their usual form.
private struct NoTensors: TensorSource {
  var path: String { "" }
  var tensorNames: [String] { [] }
  func tensor(_ name: String) -> Tensor? { nil }
  func unreadableFormat(of name: String) -> String? { nil }
}

import Numerics
import Weights

extension TensorSource {
  /// A tensor of a model, whole, whatever pieces the file holds it in; numbers are as stored (norms may lack their 1).
  ///
  /// - Throws: `WeightsError` where it is missing, unreadable or of another shape.
  public func require(_ model: ModelTensor, names: any TensorNames) throws(WeightsError) -> Tensor {
    let pieces = names.names(model)
    guard names.name(model.role).contains("%") else { return try require(pieces[0], shape: model.shape) }
    var tensors: [Tensor] = []
    for name in pieces { tensors.append(try require(name, shape: Array(model.shape.dropFirst()))) }
    let name = names.name(model.role)
    guard let format = tensors.first?.format, tensors.allSatisfy({ $0.format == format }) else {
      return Tensor(name: name, shape: model.shape, floats: tensors.flatMap { $0.floats() })
    }
    let bytes = tensors.flatMap { $0.withBytes { [UInt8]($0) } }
    return Tensor(OutputTensor(name: name, format: format, shape: model.shape, bytes: bytes))
  }
}

extension OutputTensor {
  /// The pieces in which a form stores a whole tensor of a model: equal parts along the first axis, mostly one.
  ///
  /// - Precondition: `tensor` has the model's shape.
  public static func pieces(
    of tensor: OutputTensor, _ model: ModelTensor, names: any TensorNames
  ) -> [OutputTensor] {
    let pieces = names.names(model)
    guard names.name(model.role).contains("%") else {
      return [OutputTensor(name: pieces[0], format: tensor.format, shape: model.shape, bytes: tensor.bytes)]
    }
    let size = tensor.bytes.count / max(1, pieces.count)
    return pieces.enumerated().map { index, name in
      OutputTensor(
        name: name, format: tensor.format, shape: Array(model.shape.dropFirst()),
        bytes: Array(tensor.bytes[(index * size)..<((index + 1) * size)]))
    }
  }
}

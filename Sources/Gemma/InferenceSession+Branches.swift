import Numerics

extension InferenceSession {
  /// Appends one token to each of several sequences and returns logits `[branches, V]`. The buffer is the caller's.
  ///
  /// - Throws: as `append(_:logits:)`.
  public func append(branches: [KVSequence], tokens: [Int32]) throws(GemmaError) -> FloatBuffer {
    precondition(branches.count == tokens.count, "one token for each branch")
    let size = model.configuration.vocabularySize
    let result = FloatBuffer(branches.count * size)
    let own = cache
    defer { cache = own }
    for (index, branch) in branches.enumerated() {
      cache = branch
      let logits = try append([tokens[index]], logits: .last)
      (result.pointer + index * size).update(from: logits, count: size)
    }
    return result
  }
}

import Weights

/// Log probabilities under the bare base, computed once per sequence: the base never changes.
struct ReferenceScores {
  private var known: [UInt64: [Float]] = [:]

  /// Natural log probabilities of the tokens with weight, by sequence.
  ///
  /// Each new sequence goes through the base alone: a value must not depend on what it was first packed with, or a resumed run
  /// would differ in its last bits.
  mutating func tokenLogProbabilities(_ sequences: [TrainingSequence], _ pass: TrainingPass) -> [[Float]] {
    let wasOn = pass.usesAdapter
    pass.usesAdapter = false
    defer { pass.usesAdapter = wasOn }
    return sequences.map { sequence in
      let key = Self.key(sequence)
      if let values = known[key] { return values }
      let values = pass.tokenLogProbabilities([sequence])[0]
      known[key] = values
      return values
    }
  }

  /// Natural log probability of each sequence.
  mutating func logProbabilities(_ sequences: [TrainingSequence], _ pass: TrainingPass) -> [Double] {
    tokenLogProbabilities(sequences, pass).map { $0.reduce(0) { $0 + Double($1) } }
  }

  private static func key(_ sequence: TrainingSequence) -> UInt64 {
    var hash = FNVHash()
    for (token, weight) in zip(sequence.tokens, sequence.weights) {
      withUnsafeBytes(of: token.littleEndian) { hash.add($0) }
      hash.add(weight != 0 ? 1 : 0)
    }
    return hash.value
  }
}

import Gemma
import Weights

/// A larger model whose distribution over the tokens of middles is learnt too.
public final class Teacher {
  private let session: InferenceSession
  private let size: Int
  private var known: [UInt64: [SparseDistribution]] = [:]
  private var knownTokens = 0

  /// Most tokens whose distributions are remembered: some 50 MB.
  static let mostKnown = 200_000
  /// Positions whose logits are held at once.
  private static let piece = 32

  /// Prepares a model of the student's vocabulary for sequences of at most `longest` tokens.
  public init(_ model: GemmaModel, longest: Int) {
    session = InferenceSession(model, capacity: longest)
    size = model.configuration.vocabularySize
  }

  /// What the model would say for each token from `middleStart` on.
  ///
  /// - Throws: `GemmaError.contextOverflow`, `.token`.
  func distributions(for sequence: TrainingSequence) throws -> [SparseDistribution] {
    let start = max(1, sequence.middleStart)
    guard start < sequence.tokens.count else { return [] }
    var hash = FNVHash()
    for number in sequence.tokens + [Int32(clamping: start)] {
      withUnsafeBytes(of: number.littleEndian) { hash.add($0) }
    }
    if let found = known[hash.value] { return found }
    session.cache.truncate(to: 0)
    _ = try session.append(Array(sequence.tokens[..<(start - 1)]), logits: .none)
    var result: [SparseDistribution] = []
    var position = start - 1
    while position < sequence.tokens.count - 1 {
      let end = min(sequence.tokens.count - 1, position + Self.piece)
      let rows = try session.append(Array(sequence.tokens[position..<end]), logits: .all)
      for row in 0..<(end - position) {
        result.append(SparseDistribution(logits: rows + row * size, count: size))
      }
      position = end
    }
    if knownTokens + result.count > Self.mostKnown { (known, knownTokens) = ([:], 0) }
    known[hash.value] = result
    knownTokens += result.count
    return result
  }
}

/// Sequences of another source with what a teacher would say in their middles.
public struct DistilledSource: SequenceSource {
  private var source: any SequenceSource
  private let teacher: Teacher

  /// Asks `teacher` about the middles of `source`.
  public init(_ source: any SequenceSource, teacher: Teacher) {
    self.source = source
    self.teacher = teacher
  }

  /// That of the source.
  public var longestSequence: Int { source.longestSequence }

  /// Opens the source's epoch.
  public mutating func open(epoch: Int) throws -> Int { try source.open(epoch: epoch) }

  /// A sequence of the source, taught.
  public func sequence(at index: Int) throws -> TrainingSequence? {
    guard var sequence = try source.sequence(at: index) else { return nil }
    sequence.teacher = try teacher.distributions(for: sequence)
    return sequence
  }
}

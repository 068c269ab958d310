import Carving
import Numerics
import Weights

/// Where a run's sequences come from: epochs of numbered sequences, each made or read when it is asked for.
public protocol SequenceSource {
  /// Makes an epoch ready; how many sequences it has.
  mutating func open(epoch: Int) throws -> Int

  /// No sequence of any epoch has more tokens.
  var longestSequence: Int { get }

  /// A sequence of the open epoch; nil where it is left out.
  ///
  /// - Precondition: `index` is below what `open` gave.
  func sequence(at index: Int) throws -> TrainingSequence?

  /// The sequences of a place in the open epoch that belong in one step: a pair, the answers to one prompt.
  func sequences(at index: Int) throws -> [TrainingSequence]
}

extension SequenceSource {
  /// The one sequence of the place.
  public func sequences(at index: Int) throws -> [TrainingSequence] {
    try sequence(at: index).map { [$0] } ?? []
  }
}

/// Examples that are carved anew in every epoch, and encoded when they are asked for.
public struct CarvedSource: SequenceSource {
  private let encoder: ExampleEncoder
  private let carve: (Int) throws -> [FIMExample]
  private let teacher: TeacherTexts?
  private var examples: [FIMExample] = []
  private var epoch = -1

  /// Creates a source; `carve` gives the examples of an epoch, whose middles `teacher` may write anew.
  public init(
    encoder: ExampleEncoder, teacher: TeacherTexts? = nil, carve: @escaping (Int) throws -> [FIMExample]
  ) {
    self.teacher = teacher
    self.encoder = encoder
    self.carve = carve
  }

  /// The recipe's longest.
  public var longestSequence: Int { encoder.recipe.maximumLength }

  /// Carves the epoch's examples.
  public mutating func open(epoch: Int) throws -> Int {
    if epoch != self.epoch {
      examples = try carve(epoch)
      self.epoch = epoch
    }
    return examples.count
  }

  /// The example as a sequence in an order and with a seam that are drawn.
  public func sequence(at index: Int) throws -> TrainingSequence? {
    var example = examples[index]
    if let teacher {
      guard let taught = try teacher.rewritten(example) else { return nil }
      example = taught
    }
    var random = encoder.random(for: example, epoch: epoch)
    return encoder.sequence(example, random: &random)
  }
}

extension ExampleEncoder {
  /// What is drawn from for an example: seeded by what it is, not by its place among others, so that parts of a dataset
  /// encoded apart are the parts of the whole.
  public func random(for example: FIMExample, epoch: Int) -> SeededRandom {
    var hash = FNVHash((example.contentHash.isEmpty ? example.path : example.contentHash).utf8)
    hash.add(example.kind.rawValue.utf8)
    for number in [example.windowStart, example.middleStart, example.middleEnd, epoch] {
      withUnsafeBytes(of: UInt64(bitPattern: Int64(number)).littleEndian) { hash.add($0) }
    }
    hash.add(example.middle.utf8)
    return SeededRandom(seed: hash.value ^ recipe.seed &* 1_000_003)
  }
}

import Carving
import Numerics

/// An endless, seeded stream of micro-batches over examples that are carved anew in every epoch.
struct BatchStream {
  /// Where the stream stands; enough to continue it exactly.
  struct Position: Equatable {
    var epoch = 0
    /// Sequences of the epoch already used.
    var used = 0
  }

  private let encoder: ExampleEncoder
  private let carve: (Int) -> [FIMExample]
  private var sequences: [TrainingSequence] = []
  private var loadedEpoch = -1
  private(set) var position = Position()

  init(encoder: ExampleEncoder, carve: @escaping (Int) -> [FIMExample], from position: Position = Position())
  {
    self.encoder = encoder
    self.carve = carve
    self.position = position
  }

  /// Epochs used up, with the fraction of the current one.
  var epochs: Double {
    Double(position.epoch) + (sequences.isEmpty ? 0 : Double(position.used) / Double(sequences.count))
  }

  /// The next sequences, at most `limit` tokens together; empty only where the data gives no sequence at all.
  mutating func next(tokens limit: Int) -> [TrainingSequence] {
    var batch: [TrainingSequence] = []
    var size = 0
    var emptyEpochs = 0
    while emptyEpochs < 2 {
      load()
      while position.used < sequences.count {
        let candidate = sequences[position.used]
        if size + candidate.tokens.count > limit { return batch }
        batch.append(candidate)
        size += candidate.tokens.count
        position.used += 1
      }
      emptyEpochs = sequences.isEmpty ? emptyEpochs + 1 : 0
      position = Position(epoch: position.epoch + 1, used: 0)
    }
    return batch
  }

  private mutating func load() {
    guard loadedEpoch != position.epoch else { return }
    loadedEpoch = position.epoch
    var random = SeededRandom(seed: encoder.recipe.seed &* 1_000_003 &+ UInt64(position.epoch))
    var examples = carve(position.epoch)
    examples.shuffle(using: &random)
    sequences = examples.compactMap { encoder.sequence($0, random: &random) }
  }
}

import Numerics

/// An endless, seeded stream of micro-batches: the sequences of one epoch in random order, then those of the next.
struct BatchStream {
  /// Where the stream stands; enough to continue it exactly.
  struct Position: Equatable {
    var epoch = 0
    /// Sequences of the epoch already used.
    var used = 0
  }

  private var source: any SequenceSource
  private let seed: UInt64
  private var order: [Int32] = []
  private var loadedEpoch = -1
  private(set) var position = Position()

  init(_ source: any SequenceSource, seed: UInt64, from position: Position = Position()) {
    self.source = source
    self.seed = seed
    self.position = position
  }

  /// Epochs used up, with the fraction of the current one.
  var epochs: Double {
    Double(position.epoch) + (order.isEmpty ? 0 : Double(position.used) / Double(order.count))
  }

  /// The next sequences, at most `limit` tokens together unless one alone is longer; empty only where the data gives no
  /// sequence at all.
  mutating func next(tokens limit: Int) throws -> [TrainingSequence] {
    var batch: [TrainingSequence] = []
    var size = 0
    var emptyEpochs = 0
    while emptyEpochs < 2 {
      try load()
      let before = batch.count
      let began = position.used
      while position.used < order.count {
        if let candidate = try source.sequence(at: Int(order[position.used])), !candidate.tokens.isEmpty {
          if !batch.isEmpty, size + candidate.tokens.count > limit { return batch }
          batch.append(candidate)
          size += candidate.tokens.count
        }
        position.used += 1
      }
      // An epoch that was entered at its beginning and gave nothing.
      emptyEpochs = batch.count == before && began == 0 ? emptyEpochs + 1 : 0
      position = Position(epoch: position.epoch + 1, used: 0)
    }
    return batch
  }

  private mutating func load() throws {
    guard loadedEpoch != position.epoch else { return }
    let count = try source.open(epoch: position.epoch)
    loadedEpoch = position.epoch
    var random = SeededRandom(seed: seed &* 1_000_003 &+ UInt64(position.epoch))
    order = Array(0..<Int32(clamping: count))
    order.shuffle(using: &random)
  }
}

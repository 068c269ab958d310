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

  /// The next sequences, at most `limit` tokens together unless one alone or the last of sequences that belong
  /// together is longer; empty only where the data gives no
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
        let group = try source.sequences(at: Int(order[position.used])).filter { !$0.tokens.isEmpty }
        let count = group.reduce(0) { $0 + $1.tokens.count }
        // What belongs together may have cost much to make: it is taken, and cut by the objective.
        if group.count < 2, !batch.isEmpty, size + count > limit { return batch }
        batch += group
        size += count
        if group.count > 1, size >= limit {
          position.used += 1
          return batch
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

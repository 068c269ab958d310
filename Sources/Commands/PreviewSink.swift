import Carving
import Corpus
import Synchronization

/// Keeps a few examples out of many, each with the same chance: those whose place and seed hash lowest.
///
/// The choice depends on the examples alone, not on their order or number.
final class PreviewSink: ExampleSink {
  private let count: Int
  private let seed: UInt64
  private let kept = Mutex(Kept())

  private struct Kept {
    var seen = 0
    var examples: [(key: UInt64, place: Int, example: FIMExample)] = []
  }

  init(count: Int, seed: UInt64) {
    self.count = count
    self.seed = seed
  }

  /// Nothing: what decides is cheap.
  func prepare(_ example: FIMExample) -> [UInt8]? { [] }

  func append(_ prepared: [UInt8], of example: FIMExample) {
    let identity =
      "\(seed) \(example.contentHash) \(example.path) \(example.middleStart) \(example.middleEnd)"
    let key = ContentHash(Array(identity.utf8)).prefix
    kept.withLock { kept in
      kept.seen += 1
      if kept.examples.count >= count, let last = kept.examples.last, last.key <= key { return }
      let index = kept.examples.firstIndex { $0.key > key } ?? kept.examples.count
      kept.examples.insert((key, kept.seen, example), at: index)
      if kept.examples.count > count { kept.examples.removeLast() }
    }
  }

  func seal() {}

  func finish() {}

  /// What was kept, in the order of the data set.
  var examples: [FIMExample] {
    kept.withLock { $0.examples.sorted { $0.place < $1.place }.map(\.example) }
  }
}

/// An order of an epoch's examples that begins with short holes and lets longer ones in by and by.
public enum Curriculum {
  /// All examples in a random order in which, during the first `ramp` of the places, only those are drawn that are short
  /// enough: at the beginning ends of lines and single nodes of a few bytes, at the end of the ramp everything, bodies and
  /// ends of blocks last. A pure function of its arguments.
  ///
  /// - Parameter ramp: share of the places, 0 to 1; 0 is a plain shuffle.
  public static func order(_ examples: [FIMExample], seed: UInt64, ramp: Double = 0.3) -> [FIMExample] {
    var generator = SeededGenerator(seed: seed)
    // Shuffled first, so that equally long ones enter in no particular order.
    let entering = examples.indices.shuffled(using: &generator).map { (length(of: examples[$0]), $0) }
      .sorted { $0.0 < $1.0 }
      .map { $0.1 }
    var ordered: [FIMExample] = []
    ordered.reserveCapacity(examples.count)
    var pool: [Int] = []
    var entered = 0
    let places = Double(examples.count) * min(1, max(0, ramp))
    for place in examples.indices {
      let share = places > 0 ? min(1, Double(place + 1) / places) : 1
      let border = max(place + 1, Int(share * Double(examples.count)))
      while entered < min(border, examples.count) {
        pool.append(entering[entered])
        entered += 1
      }
      let drawn = generator.below(pool.count)
      pool.swapAt(drawn, pool.count - 1)
      ordered.append(examples[pool.removeLast()])
    }
    return ordered
  }

  /// Short classes before long ones, short middles before long ones within a class's stage.
  private static func length(of example: FIMExample) -> (stage: Int, bytes: Int) {
    let stage =
      switch example.kind {
      case .lineTail, .node, .import, .empty, .characterSpan: 0
      case .siblingRun, .history: 1
      case .blockTail, .signatureOrBody, .plain: 2
      }
    return (stage, example.middle.utf8.count)
  }
}

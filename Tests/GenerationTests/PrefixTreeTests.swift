import Numerics
import Testing

@testable import Generation

@Suite struct PrefixTreeTests {
  private func shared(_ a: [Int32], _ b: [Int32]) -> Int { zip(a, b).prefix { $0 == $1 }.count }

  @Test(arguments: 0..<20)
  func theLongestSharedBeginningIsFoundAmongManySequences(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    var tree = PrefixTree<[Int32]>()
    var entries: [ObjectIdentifier: PrefixTree<[Int32]>.Entry] = [:]
    for _ in 0..<300 {
      let tokens = Models.tokens(1 + Int(random.next() % 9), below: 3, &random)
      switch random.next() % 3 {
      case 0:
        let outcome = tree.insert(tokens) { tokens }
        for old in outcome.superseded {
          #expect(old.value.count < tokens.count && tokens.starts(with: old.value))
          entries[ObjectIdentifier(old)] = nil
        }
        if let new = outcome.inserted { entries[ObjectIdentifier(new)] = new }
        if let old = outcome.existing { #expect(old.value.starts(with: tokens)) }
        #expect((outcome.inserted == nil) != (outcome.existing == nil))
      case 1:
        if let (key, entry) = entries.min(by: { $0.value.value.lexicographicallyPrecedes($1.value.value) }),
          random.next() % 2 == 0
        {
          tree.remove(entry)
          tree.remove(entry)  // a second time it changes nothing
          entries[key] = nil
        }
      default:
        let longest = entries.values.map { shared($0.value, tokens) }.max() ?? 0
        let found = tree.longestMatch(tokens)
        #expect(found?.shared ?? 0 == longest)
        if let found { #expect(shared(found.entry.value, tokens) == longest) }
      }
      #expect(tree.isEmpty == entries.isEmpty)
      // No sequence is the beginning of another.
      for (key, entry) in entries {
        #expect(!entries.contains { $0.key != key && $0.value.value.starts(with: entry.value) })
      }
    }
  }

  @Test func anEmptySequenceIsNotRemembered() {
    var tree = PrefixTree<Int>()
    let outcome = tree.insert([]) { 1 }
    #expect(outcome.inserted == nil && tree.isEmpty)
    #expect(tree.longestMatch([1]) == nil)
  }
}

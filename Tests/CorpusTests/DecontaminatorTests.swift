import Testing

@testable import Corpus

@Suite struct DecontaminatorTests {
  private func words(_ text: String) -> [String] {
    text.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  /// Runs of letters, digits and underscores, and every other character by itself. ASCII only.
  private func tokens(_ text: String) -> [String] {
    var tokens: [String] = []
    var isOpen = false
    for character in text {
      let isWord = character.isLetter || character.isNumber || character == "_"
      if isWord, isOpen {
        tokens[tokens.count - 1].append(character)
      } else if !character.isWhitespace {
        tokens.append(String(character))
      }
      isOpen = isWord
    }
    return tokens
  }

  private func runs(_ units: [String], _ count: Int) -> Set<[String]> {
    units.count < count ? [] : Set((0...units.count - count).map { Array(units[$0..<$0 + count]) })
  }

  @Test func agreesWithComparingAllRuns() {
    var code = RandomCode(seed: 13, vocabulary: 40)
    var generator = TestGenerator(state: 4)
    let heldOut = (0..<20).map { _ in code.function(statements: 8) }
    let decontaminator = Decontaminator(texts: heldOut.map { Array($0.utf8) })
    let wordRuns = heldOut.reduce(into: Set()) { $0.formUnion(runs(words($1), 13)) }
    let tokenRuns = heldOut.reduce(into: Set()) { $0.formUnion(runs(tokens($1), 50)) }
    var counts = [0, 0]
    for _ in 0..<600 {
      // Own text with a piece of held-out text in it, cut anywhere.
      let source = Array(heldOut[Int(generator.next() % 20)])
      let start = Int(generator.next() % UInt64(source.count))
      let length = Int(generator.next() % 400)
      var piece = String(source[start..<min(source.count, start + length)])
      if generator.next() % 2 == 0 { piece = piece.replacing(" ", with: "  ").replacing("(", with: " (") }
      let text = code.statement() + piece + code.statement()
      let expected =
        !runs(words(text), 13).isDisjoint(with: wordRuns)
        || !runs(tokens(text), 50).isDisjoint(with: tokenRuns)
      #expect(decontaminator.overlaps(text.utf8) == expected)
      #expect(decontaminator.overlaps(in: Array(text.utf8)).isEmpty != expected)
      counts[expected ? 1 : 0] += 1
    }
    #expect(counts.min() ?? 0 > 50)
  }

  @Test func tokensAreFoundWhateverTheSpaceBetweenThem() {
    let text = (0..<20).map { "f\($0)(a, b)" }.joined(separator: ";")
    let decontaminator = Decontaminator(texts: [Array(text.utf8)])
    let spaced = Array(text.replacing("(", with: " ( ").replacing(";", with: " ;\n").utf8)
    #expect(decontaminator.overlaps(spaced))
    #expect(decontaminator.overlaps(in: spaced) == [0..<spaced.count])
    #expect(!decontaminator.overlaps(spaced.prefix(spaced.count / 4)))
  }

  @Test func saysWhichPartsRepeat() {
    let secret = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    let decontaminator = Decontaminator(texts: [Array(secret.utf8)])
    let text = "before it " + secret + " and again " + secret
    let ranges = decontaminator.overlaps(in: Array(text.utf8))
    let count = secret.utf8.count
    #expect(ranges == [10..<10 + count, 21 + count..<21 + 2 * count])
  }

  @Test func shortTextsHoldNothingOut() {
    #expect(Decontaminator(texts: [[UInt8]]()).isEmpty)
    let short = Decontaminator(texts: [Array("a b c d e f g h i j k l".utf8), []])
    #expect(short.isEmpty && !short.overlaps("a b c d e f g h i j k l".utf8))
  }
}

@Suite struct DuplicateMiddlesTests {
  @Test func formattingDoesNotMakeAMiddleNew() {
    var middles = DuplicateMiddles()
    middles.insert("return a +\n\t b".utf8)
    #expect(middles.contains("  return a + b\n".utf8))
    #expect(!middles.contains("return a+b".utf8))
    #expect(!middles.contains("return a + b c".utf8))
    #expect(middles.count == 1)
  }

  @Test func nothingIsNobodysCopy() {
    var middles = DuplicateMiddles()
    middles.insert("".utf8)
    middles.insert(" \n".utf8)
    #expect(middles.count == 0 && !middles.contains("".utf8) && !middles.contains("\n".utf8))
  }

  @Test func theTableHoldsWhatASetHolds() {
    var generator = TestGenerator(state: 6)
    var table = HashTable()
    var set: Set<UInt64> = []
    for _ in 0..<20_000 {
      // Few different low bits, so that slots collide; zero among them.
      let hash = generator.next() % 3 == 0 ? generator.next() : (generator.next() % 5_000) << 3
      #expect(table.insert(hash) == set.insert(hash).inserted)
    }
    #expect(table.count == set.count && set.contains(0))
    for _ in 0..<20_000 {
      let hash = (generator.next() % 10_000) << 2
      #expect(table.contains(hash) == set.contains(hash))
    }
  }
}

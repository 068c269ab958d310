import Numerics
import Testing

@testable import Generation

@Suite struct EncodedTextsTests {
  @Test(arguments: 0..<6)
  func theTokensAreThoseOfTheWholeText(seed: Int) throws {
    let tokenizer = try Models.tokenizer()
    var known = EncodedTexts(tokenizer)
    var random = SeededRandom(seed: UInt64(seed))
    let code = Array("def add(first, second):\n    return first + second  # é ∑ 😀\n\n\tx = [1, 2]\n".utf8)
    var documents: [[UInt8]] = (0..<20).map { Array("# file \($0)\n".utf8) + code }
    for _ in 0..<200 {
      let which = Int(random.next() % UInt64(documents.count))
      let at = Int(random.next() % UInt64(documents[which].count + 1))
      switch random.next() % 4 {
      case 0: documents[which].insert(UInt8(truncatingIfNeeded: random.next()), at: at)
      case 1: documents[which].removeSubrange(at..<min(documents[which].count, at + 3))
      case 2: documents[which].insert(contentsOf: code.prefix(Int(random.next() % 30)), at: at)
      default: break
      }
      #expect(known.tokens(of: documents[which]) == tokenizer.encode(documents[which]))
    }
    #expect(known.tokens(of: []).isEmpty)
  }
}

import Numerics
import Testing
import Tokenizer

@testable import Generation

@Suite struct HealingTests {
  @Test(arguments: 0..<10)
  func exactlyTheTokensThatFitAreOffered(seed: Int) throws {
    let tokenizer = try Models.tokenizer()
    let index = TokenBytes(tokenizer)
    var random = SeededRandom(seed: UInt64(seed))
    for _ in 0..<8 {
      let word = tokenizer.bytes(of: Int32(random.next() % UInt64(tokenizer.vocabularySize)))
      let wanted = Array(word.prefix(1 + Int(random.next() % 5)))
      guard !wanted.isEmpty else { continue }
      let expected = (0..<Int32(tokenizer.vocabularySize)).filter {
        let bytes = tokenizer.bytes(of: $0)
        return !bytes.isEmpty && (bytes.starts(with: wanted) || wanted.starts(with: bytes))
      }
      #expect(index.tokens(towards: wanted).sorted() == expected)
    }
  }

  @Test func aStumpIsCutOffAndItsBytesAreAskedFor() throws {
    let format = try PromptFormat(Models.tokenizer(), model: "base")
    for text in ["x = retu", "def area(wid", "\n    ", "a", "", "print(\"né", "values.app"] {
      let prefix = Array(text.utf8)
      let tokens = format.tokenizer.encode(prefix)
      let healed = format.healed(tokens)
      // Prompt and required bytes together are the text.
      #expect(format.tokenizer.decode(healed.prefix) + healed.requiredStart == prefix)
      #expect(tokens.starts(with: healed.prefix))
      #expect(healed.requiredStart.isEmpty == text.isEmpty)
    }
  }

  @Test func whatIsGeneratedBeginsWithTheStumpAndLeavesItOut() async throws {
    let engine = try Engine.load(path: Models.basePath)
    let prefix = "def total_of(values):\n    total = 0\n    for value in values:\n        total += val"
    let text = Array(prefix.utf8)
    let request = InfillRequest(
      path: "a.py", prefix: text, suffix: Array("\n    return total\n".utf8), maxTokens: 4,
      timeBudgetMs: 60_000,
      options: DecodingOptions(heals: true))
    let result = try await engine.infill(request)
    #expect(result.bytes.starts(with: Array("ue".utf8)))
    let all = result.tokens.flatMap { engine.tokenizer.bytes(of: $0) }
    #expect(String(decoding: all, as: UTF8.self).hasPrefix(" val"))
  }

  @Test(arguments: 0..<6)
  func anyRequiredStartIsMet(seed: Int) async throws {
    let engine = try Engine.load(path: Models.basePath)
    var random = SeededRandom(seed: UInt64(seed))
    // Bytes that no model would write, broken characters among them.
    let start = (0..<7).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for sampling in [Sampling.greedy, Sampling(temperature: 1, seed: 3)] {
      let result = try await engine.generate(
        GenerationRequest(
          prompt: [2] + engine.tokenizer.encode("x = "), requiredStart: start, maxTokens: 20,
          timeBudgetMs: 60_000, options: DecodingOptions(sampling: sampling)))
      let all = result.tokens.flatMap { engine.tokenizer.bytes(of: $0) }
      #expect(all.starts(with: start))
      #expect(Array(all.dropFirst(start.count)).starts(with: result.bytes))
    }
  }
}

import Carving
import Context
import Foundation
import Generation
import Testing
import Tokenizer
import Weights

@testable import Training

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

@Suite struct PromptCompletionTests {
  private func encoder() throws -> ExampleEncoder {
    let tokenizer = try Tokenizer(sentencePieceModel: root + "/models/gemfill-base/tokenizer.model")
    var recipe = TrainingRecipe()
    recipe.maximumLength = 10_000
    return ExampleEncoder(format: try PromptFormat(tokenizer, model: "base"), recipe: recipe)
  }

  /// Holes of all samples but the one that holds names of marks.
  private var examples: [FIMExample] {
    CodeSamples.all.filter { !$0.text.contains("<|fim") }.flatMap { sample in
      (0..<8).map { index -> FIMExample in
        let text = Array(sample.text.unicodeScalars)
        let start = (index * 37 + 5) % text.count
        let end = min(start + index * 5, text.count)
        func string(_ range: Range<Int>) -> String {
          var string = ""
          string.unicodeScalars.append(contentsOf: text[range])
          return string
        }
        return FIMExample(
          path: sample.path, language: sample.language, kind: index == 7 ? .plain : .node, nodePath: "",
          windowStart: 0, middleStart: start, middleEnd: end, prefix: string(0..<start),
          middle: string(start..<end), suffix: string(end..<text.count),
          context: index % 2 == 0
            ? [] : [ContextSnippet(path: "o/p.py", source: .test, firstLine: 3, text: "x = \(index)\n")])
      }
    }
  }

  @Test(arguments: PromptOrder.allCases)
  func aTokeniserThatKnowsTheMarksGivesOurIds(order: PromptOrder) throws {
    let encoder = try encoder()
    let (format, tokenizer) = (encoder.format, encoder.format.tokenizer)
    for example in examples {
      let text = try #require(PromptCompletion(example, format: format, order: order))
      let prompt = [tokenizer.beginToken] + tokenizer.encode(text.prompt, parseSpecial: true)
      let whole =
        [tokenizer.beginToken] + tokenizer.encode(text.prompt + text.completion, parseSpecial: true)
        + [tokenizer.endToken]
      if example.kind == .plain {
        #expect(prompt == format.head(path: example.path, context: example.promptContext))
        continue
      }
      #expect(
        prompt
          == format.prompt(
            path: example.path, context: example.promptContext, prefix: Array(example.prefix.utf8),
            suffix: Array(example.suffix.utf8), order: order))
      #expect(whole == encoder.sequence(example, order: order, seam: .joint)?.tokens)
    }
  }

  @Test func aHealedBorderMovesTheWordIntoTheCompletion() throws {
    let encoder = try encoder()
    for example in examples where example.kind != .plain {
      let plain = try #require(PromptCompletion(example, format: encoder.format, order: .suffixFirst))
      let healed = try #require(
        PromptCompletion(example, format: encoder.format, order: .suffixFirst, seam: .healed))
      #expect(healed.prompt + healed.completion == plain.prompt + plain.completion)
      #expect(healed.completion.utf8.count > plain.completion.utf8.count || example.prefix.isEmpty)
      #expect(healed.completion.utf8.reversed().starts(with: example.middle.utf8.reversed()))
    }
  }

  @Test func textWithTheNameOfAMarkIsLeftOut() throws {
    let encoder = try encoder()
    func example(_ prefix: String, _ middle: String, _ suffix: String) -> FIMExample {
      FIMExample(
        path: "a.py", language: "python", kind: .node, nodePath: "", windowStart: 0, middleStart: 0,
        middleEnd: 0, prefix: prefix, middle: middle, suffix: suffix)
    }
    for hostile in [
      example("<|fim_prefix|>", "x", ""), example("", "a<|file_separator|>", ""),
      example("", "x", "<|fim_middle|>"),
      example("<|fim_", "suffix|>", ""),
    ] {
      #expect(PromptCompletion(hostile, format: encoder.format, order: .prefixFirst) == nil)
    }
    #expect(PromptCompletion(example("<|fim", "x", "|>"), format: encoder.format, order: .prefixFirst) != nil)
  }

  @Test func theFileHasALineForEachExampleAndAppearsWhole() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
      .path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let encoder = try encoder()
    let path = folder + "/hf.jsonl"
    do {
      let unfinished = try PromptCompletionWriter(path: path, encoder: encoder)
      for example in examples { try unfinished.append(example) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    let writer = try PromptCompletionWriter(path: path, encoder: encoder, order: .prefixFirst)
    for example in examples { try writer.append(example) }
    try writer.seal()
    try writer.finish()
    let lines = try #require(FileManager.default.contents(atPath: path)).split(separator: 0x0A)
    #expect(lines.count == examples.count)
    for (line, example) in zip(lines, examples) {
      let value = try JSONValue(parsing: [UInt8](line))
      let text = try #require(PromptCompletion(example, format: encoder.format, order: .prefixFirst))
      #expect(value["prompt"]?.stringValue == text.prompt)
      #expect(value["completion"]?.stringValue == text.completion)
      guard example.kind != .plain else { continue }
      // The parts come out of the text again.
      let parts = text.prompt.components(separatedBy: "<|fim_prefix|>")[1].components(
        separatedBy: "<|fim_suffix|>")
      #expect(parts[0] == example.prefix && parts[1] == example.suffix + "<|fim_middle|>")
      #expect(text.completion == example.middle)
    }
  }
}

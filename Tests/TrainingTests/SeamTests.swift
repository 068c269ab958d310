import Carving
import Context
import Foundation
import Numerics
import Testing
import Tokenizer

@testable import Generation
@testable import Training

private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

/// Vocabularies with marks of their own and without.
private enum SampleVocabulary: String, CaseIterable {
  case embedded = "models/gemfill-base/tokenizer.model"
  case plainGemma = "Tests/Fixtures/tokenizer/small-spm.model"

  func format() throws -> PromptFormat {
    try PromptFormat(Tokenizer(sentencePieceModel: root + "/" + rawValue), model: rawValue)
  }
}

@Suite struct SeamTests {
  /// Holes at random places of code in all languages, at word borders, inside words and inside characters' neighbourhoods,
  /// with windows of up to 600 bytes and 0 to 3 snippets of other samples.
  private struct Holes {
    var random = SeededRandom(seed: 5)
    private let samples = CodeSamples.all.map {
      (path: $0.path, language: $0.language, text: Array($0.text.utf8))
    }

    mutating func below(_ count: Int) -> Int { Int(random.next() % UInt64(max(1, count))) }

    /// The next border between characters at or after `index`.
    private func border(_ text: [UInt8], _ index: Int) -> Int {
      var index = min(index, text.count)
      while index < text.count, text[index] & 0xC0 == 0x80 { index += 1 }
      return index
    }

    mutating func next() -> FIMExample {
      let sample = samples[below(samples.count)]
      let text = sample.text
      let start = border(text, below(text.count + 1))
      let end = border(text, start + (below(6) == 0 ? 0 : below(160)))
      let from = border(text, max(0, start - below(400)))
      let to = border(text, end + below(200))
      let context = (0..<below(4)).map { _ in
        let other = samples[below(samples.count)]
        let first = border(other.text, below(other.text.count))
        let last = border(other.text, first + below(120))
        return ContextSnippet(
          path: other.path, source: .similar, firstLine: 1,
          text: String(decoding: other.text[first..<last], as: UTF8.self))
      }
      func string(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
      return FIMExample(
        path: sample.path, language: sample.language, kind: .characterSpan, nodePath: "", windowStart: from,
        middleStart: start, middleEnd: end, prefix: string(from..<start), middle: string(start..<end),
        suffix: string(end..<to), context: context)
    }
  }

  /// What the ids of a sequence say.
  private struct Parts: Equatable {
    var context: [[UInt8]] = []
    var prefix: [UInt8] = []
    var suffix: [UInt8] = []
    var middle: [UInt8] = []

    init?(_ sequence: TrainingSequence, _ format: PromptFormat, order: PromptOrder) {
      let marks = format.marks
      let separator = marks.fileSeparator?.id
      guard sequence.tokens.first == format.tokenizer.beginToken,
        sequence.tokens.last == format.tokenizer.endToken,
        let start = sequence.tokens.firstIndex(of: marks.prefix.id)
      else { return nil }
      context = sequence.tokens[1..<start].split(omittingEmptySubsequences: false) { $0 == separator }
        .map { format.tokenizer.decode($0) }
      let rest = sequence.tokens[(start + 1)...].dropLast()
      guard let suffix = rest.firstIndex(of: marks.suffix.id),
        let middle = rest.firstIndex(of: marks.middle.id), suffix < middle
      else { return nil }
      let tokenizer = format.tokenizer
      self.suffix = tokenizer.decode(rest[(suffix + 1)..<middle])
      switch order {
      case .prefixFirst:
        prefix = tokenizer.decode(rest[..<suffix])
        self.middle = tokenizer.decode(rest[(middle + 1)...])
      case .suffixFirst:
        guard suffix == rest.startIndex else { return nil }
        self.middle = tokenizer.decode(rest[(middle + 1)...])
      }
    }
  }

  /// 17 000 holes in two orders with three seams for each vocabulary.
  @Test(arguments: SampleVocabulary.allCases)
  fileprivate func everyTrainingSequenceReadsBackAndItsPromptIsTheServers(_ vocabulary: SampleVocabulary)
    throws
  {
    let format = try vocabulary.format()
    var recipe = TrainingRecipe()
    recipe.maximumLength = 100_000
    let encoder = ExampleEncoder(format: format, recipe: recipe)
    var serving = ServingPrompts(format)
    var holes = Holes()
    var faults: [String] = []
    var triples = 0
    for _ in 0..<17_000 {
      let example = holes.next()
      for order in PromptOrder.allCases {
        for seam in Seam.allCases {
          triples += 1
          if let fault = fault(example, order, seam, encoder, &serving) {
            faults.append("\(order) \(seam) \(example.path) \(example.middleStart): \(fault)")
          }
        }
      }
    }
    #expect(triples >= 100_000)
    #expect(faults.isEmpty, "\(faults.count) faults, such as \(faults.prefix(3))")
  }

  private func fault(
    _ example: FIMExample, _ order: PromptOrder, _ seam: Seam, _ encoder: ExampleEncoder,
    _ serving: inout ServingPrompts
  ) -> String? {
    let format = encoder.format
    guard let sequence = encoder.sequence(example, order: order, seam: seam) else { return "no sequence" }
    guard let parts = Parts(sequence, format, order: order) else {
      return "the marks are not in their places"
    }
    let (prefix, middle) = (Array(example.prefix.utf8), Array(example.middle.utf8))
    let lines = example.context.map { PromptFormat.line(path: $0.path) + Array($0.text.utf8) }
    if parts.context != lines + [PromptFormat.line(path: example.path)] { return "other snippets or path" }
    if parts.suffix != Array(example.suffix.utf8) { return "another suffix" }
    if parts.prefix + parts.middle != prefix + middle {
      return "prefix and middle do not come together again"
    }
    // The loss is on the bytes of the middle, and on not more than the token in which it begins.
    let new = sequence.tokens.indices.filter { sequence.weights[$0] == 1 }.map { sequence.tokens[$0] }
    let bytes = format.tokenizer.decode(new)
    if bytes.count < middle.count || bytes.suffix(middle.count) != middle[...] {
      return "the loss misses the middle"
    }
    if let first = new.first, bytes.count >= middle.count + format.tokenizer.bytes(of: first).count {
      return "the loss begins before the middle"
    }
    guard seam != .joint else { return nil }
    let request = InfillRequest(
      path: example.path, context: example.promptContext, prefix: prefix, suffix: Array(example.suffix.utf8),
      options: DecodingOptions(heals: seam == .healed))
    let (prompt, required) = serving.prompt(for: request, order: order)
    if !sequence.tokens.starts(with: prompt) { return "the server's prompt is another" }
    let filled = format.tokenizer.decode(sequence.tokens[prompt.count...].dropLast())
    if filled != required + middle { return "the middle does not begin with what a server asks for" }
    return nil
  }

  @Test func seamsAreDrawnAsEditorsAsk() throws {
    func example(_ prefix: String, _ middle: String) -> FIMExample {
      FIMExample(
        path: "a.py", language: "python", kind: .lineTail, nodePath: "", windowStart: 0, middleStart: 0,
        middleEnd: 0, prefix: prefix, middle: middle, suffix: "\n")
    }
    var random = SeededRandom(seed: 3)
    func share(_ seam: Seam, _ example: FIMExample, _ order: PromptOrder = .suffixFirst) -> Double {
      let drawn = (0..<4_000).map { _ in SeamShares.draw(for: example, order: order, random: &random) }
      return Double(drawn.filter { $0 == seam }.count) / 4_000
    }
    #expect(abs(share(.healed, example("ret", "urn 1")) - SeamShares.healedInsideWord) < 0.03)
    #expect(abs(share(.joint, example("return ", "1")) - SeamShares.joint) < 0.03)
    #expect(share(.healed, example("return ", "1")) == 0)
    #expect(share(.separate, example("ret", "urn 1"), .prefixFirst) == 1)
  }
}

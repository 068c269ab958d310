import Carving
import Context
import Testing
import Weights

@testable import Commands

struct CarvePreviewTests {
  private let example = FIMExample(
    path: "src/a\u{1B}[2J.py", language: "python", kind: .lineTail, nodePath: "module/call", windowStart: 0,
    middleStart: 4, middleEnd: 9, prefix: "a = \u{1B}", middle: "b + c", suffix: "\nnext()\n", unit: 4..<9,
    modifiers: [.midToken],
    context: [
      ContextSnippet(path: "src/b.py", source: .definition, firstLine: 7, text: "def b():\n  1\n  2\n  3\n")
    ],
    difficulty: 0.51234)

  private func shown(terminal: Bool) -> String {
    let recorder = Recorder()
    CarvePreview(console: recorder.console(terminal: terminal)).show(example)
    return recorder.output
  }

  @Test func aPipeGetsTheHoleInBracketsAndNoControlCharacters() {
    let text = shown(terminal: false)
    #expect(text.contains("a = \u{FFFD}⟦b + c⟧\nnext()\n"))
    #expect(text.contains("class L  bytes 4..<9  mid-token  difficulty 0.512"))
    #expect(text.contains("module/call\n"))
    #expect(text.contains("context definition: src/b.py:7, 4 lines\n  | def b():\n  |   1\n  |   2\n  | …\n"))
    #expect(!text.contains("\u{1B}"))
  }

  @Test func aTerminalGetsColoursOfOursOnly() {
    let text = shown(terminal: true)
    #expect(text.contains("\u{1B}[32mb + c\u{1B}[0m"))
    #expect(!text.contains("[2J") || text.contains("\u{FFFD}[2J"))
  }

  private func numbered(_ numbers: some Sequence<Int>) -> [FIMExample] {
    numbers.map { number in
      FIMExample(
        path: "\(number)", language: "c", kind: .plain, nodePath: "", windowStart: 0, middleStart: 0,
        middleEnd: 1,
        prefix: "", middle: "x", suffix: "", context: example.context)
    }
  }

  @Test func theChoiceOfExamplesDependsOnSeedAndExamplesOnly() {
    func chosen(_ examples: [FIMExample], count: Int, seed: UInt64) -> [FIMExample] {
      let sink = PreviewSink(count: count, seed: seed)
      for example in examples { sink.append([], of: example) }
      return sink.examples
    }
    let few = chosen(numbered(0..<50), count: 5, seed: 1)
    #expect(few.count == 5 && few.first?.context == example.context)
    #expect(Set(chosen(numbered((0..<50).reversed()), count: 5, seed: 1).map(\.path)) == Set(few.map(\.path)))
    #expect(chosen(numbered(0..<50), count: 5, seed: 2).map(\.path) != few.map(\.path))
    #expect(chosen(numbered(0..<3), count: 5, seed: 1).map(\.path) == ["0", "1", "2"])
  }

  @Test func jsonHoldsWhatALineOfAResultFileHolds() throws {
    let json = CarvePreview.json(example)
    #expect(json["modifiers"] == ["mid-token"] && json["context"]?[0]?["source"] == "definition")
    #expect(json["unitStart"] == 4 && json["difficulty"]?.doubleValue == 0.51234)
  }
}

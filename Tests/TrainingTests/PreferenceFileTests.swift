import Foundation
import Testing

@testable import Training

@Suite struct PreferenceFileTests {
  private func read(_ text: String, _ kind: PreferenceFile.Kind = .labels) throws -> [PreferenceExample] {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: path) }
    try Data(text.utf8).write(to: path)
    return try PreferenceFile.read(path.path, kind)
  }

  @Test func labelsAndPairsAreReadWithAllTheirMembers() throws {
    let labels = try read(
      #"{"path":"a.py","prefix":"x = ","suffix":"\n","completion":"1","label":true,"weight":0.5,"#
        + #""whole":false,"context":[{"path":"b.py","text":"y"}]}"# + "\n\n"
        + #"{"prefix":"p","completion":"q","label":false}"#)
    #expect(labels.count == 2)
    #expect(
      labels[0].verdict
        == .single(completion: "1", isDesirable: true, weight: 0.5, isWhole: false))
    #expect(labels[0].context.map(\.path) == ["b.py"] && labels[0].suffix == "\n")
    #expect(
      labels[1]
        == PreferenceExample(
          path: "", prefix: "p", suffix: "",
          verdict: .single(completion: "q", isDesirable: false, weight: 1, isWhole: true)))
    let pairs = try read(#"{"prefix":"p","suffix":"s","chosen":"a","rejected":"b"}"#, .pairs)
    #expect(pairs[0].verdict == .pair(chosen: "a", rejected: "b"))
  }

  @Test(
    arguments: [
      ("{\"prefix\":\"p\",\"completion\":\"q\"}", "'label'"),
      ("{\"prefix\":\"p\",\"completion\":\"q\",\"label\":1}", "'label'"),
      ("{\"completion\":\"q\",\"label\":true}", "'prefix' is missing"),
      ("{\"prefix\":3,\"completion\":\"q\",\"label\":true}", "'prefix' is no text"),
      ("{\"prefix\":\"p\",\"completion\":\"q\",\"label\":true,\"weight\":-1}", "'weight'"),
      ("{\"prefix\":\"p\",\"completion\":\"q\",\"label\":true,\"context\":[1]}", "'context'"),
      ("{\"prefix\":\"p\",\"chosen\":\"q\",\"rejected\":\"q\"}", "the same"),
      ("{\"prefix\":\"p\",\"chosen\":\"q\"}", "'rejected' is missing"),
      ("{\"prefix\":\"p\"", "not valid JSON"), ("[1]", "no JSON object"), ("\u{0}", "not valid JSON"),
    ])
  func aBrokenLineIsNamedWithItsNumberAndARemedy(line: String, problem: String) throws {
    let error = #expect(throws: PreferenceError.self) {
      try read("{\"prefix\":\"p\",\"completion\":\"q\",\"label\":true}\n" + line + "\n")
    }
    let text = try #require(error?.description)
    #expect(text.contains(".jsonl:2: ") && text.contains(problem) && text.contains("a line is"), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test func aLineOfTheOtherKindIsRefusedWithTheObjectiveThatTakesIt() throws {
    let pair = #"{"prefix":"p","chosen":"a","rejected":"b"}"#
    let error = #expect(throws: PreferenceError.self) { try read(pair) }
    #expect(error?.description.contains("--objective dpo") == true)
    #expect(throws: PreferenceError.self) {
      try read(#"{"prefix":"p","completion":"q","label":true}"#, .pairs)
    }
  }

  @Test func aLineLongerThanAMegabyteIsRefused() throws {
    let long = String(repeating: "x", count: PreferenceFile.longestLine)
    #expect(throws: PreferenceError.self) { try read("{\"prefix\":\"\(long)\"}") }
    #expect(throws: PreferenceError.self) { try PreferenceFile.read("/nowhere/at/all.jsonl", .labels) }
  }

  @Test func fewerEventsThanTheMinimumOrOfOneKindAreRefused() throws {
    func set(_ wanted: Int, _ unwanted: Int) -> PreferenceSet {
      PreferenceSet(
        path: "log",
        examples: (0..<wanted + unwanted).map {
          PreferenceExample(
            path: "a", prefix: "p", suffix: "",
            verdict: .single(completion: "q", isDesirable: $0 < wanted, weight: 1, isWhole: true))
        })
    }
    #expect(throws: PreferenceError.self) { try set(300, 199).check() }
    #expect(throws: PreferenceError.self) { try set(450, 99).check() }
    #expect(throws: PreferenceError.self) { try set(99, 450).check() }
    try set(400, 100).check()
    try set(8, 2).check(least: 10)
    let error = #expect(throws: PreferenceError.self) { try set(3, 4).check() }
    #expect(error?.description.contains("3 accepted and 4 rejected") == true)
  }
}

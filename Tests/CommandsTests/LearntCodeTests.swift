import Evaluation
import Testing
import Weights

@testable import Commands

struct LearntCodeTests {
  private static let commits = ["aaaaaaaa1", "bbbbbbbb2", "cccccccc3", "dddddddd4"]

  @Test(
    arguments: [
      ("aaaaaaaa1", false), ("bbbbbbbb2", false), ("cccccccc3", true), ("dddddddd4", true), ("", nil),
      ("eeeeeeee5", nil), ("aaaaaaaa1:dddddddd4", true), ("eeeeeeee5:dddddddd4", true),
      ("aaaaaaaa1:eeeeeeee5", nil),
    ] as [(String, Bool?)])
  func onlyCommitsAfterTheSplitHoldTheTest(dataCommit: String, expected: Bool?) {
    let verdict = LearntCode(dataCommit: dataCommit, split: "BBBBBBB", commits: Self.commits)
    #expect(verdict.isTrainedOnTest == expected)
    #expect((verdict.warning(adapter: "mine") == nil) == (expected == false))
  }

  @Test func warningNamesCommitAndRemedy() {
    let warning = LearntCode.holdsTheTest(commit: "dddddddd4").warning(adapter: "mine")
    #expect(
      warning == "adapter mine learnt from commit dddddddd4, which holds the test; train with --at split")
  }

  @Test func reportMarksAdaptersThatLearntFromTheTest() async throws {
    let contenders = ["base", "seen", "clean", "strange"].map {
      NgramContender(name: $0, texts: [], holes: [])
    }
    let evaluation = try await Evaluator().run([], contenders: contenders)
    let json = EvalCommand.json(
      of: Report(evaluation, comparing: []),
      ["seen": .holdsTheTest(commit: "d"), "clean": .beforeTheTest, "strange": .unknown(reason: "")])
    let marks = json["contenders"]?.arrayValue?.map { $0["trained_on_test"] }
    #expect(marks == [nil, .bool(true), .bool(false), .null])
  }
}

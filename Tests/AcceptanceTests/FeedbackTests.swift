import Foundation
import Testing

@testable import Acceptance

/// A log that keeps text, or not.
private struct Bench {
  let folder: TemporaryFolder
  let log: AcceptanceLog
  var path: String { folder.path + "/acceptance.sqlite" }

  init(keepsText: Bool = true) throws {
    folder = try TemporaryFolder()
    log = try AcceptanceLog(path: folder.path + "/acceptance.sqlite", keepsText: keepsText, delayMs: 5)
    log.startSession(SessionRecord(client: "test", evidence: .client))
  }

  func suggest(
    _ completion: String, visible: Int?, file: String = "a.py", truncated: Bool = false,
    _ ends: [(kind: EventKind, length: Int?, cause: String)]
  ) {
    let request = RequestRecord(language: "python", path: file, outcome: .produced)
    log.record(request: request)
    var suggestion = SuggestionRecord(
      requestID: request.id, length: completion.utf16.count, lines: 1, tokens: 3, meanLogProbability: -0.5,
      minLogProbability: -1)
    suggestion.isTruncated = truncated
    log.record(suggestion: suggestion)
    log.record(
      text: SuggestionText(
        suggestionID: suggestion.id, path: file, prefix: "secret prefix ", suffix: " end",
        completion: completion))
    log.record(event: .shown, suggestionID: suggestion.id, evidence: .client)
    for end in ends {
      log.record(
        event: end.kind, suggestionID: suggestion.id, acceptedLength: end.length, visibleMs: visible,
        cause: end.cause, evidence: .client)
    }
  }

  func feedback() throws -> Feedback {
    log.flush()
    return try Feedback(path: path)
  }
}

@Suite struct FeedbackTests {
  @Test func labelsFollowWhatPeopleDid() throws {
    let bench = try Bench()
    bench.suggest("accepted", visible: 900, [(.accepted, nil, "")])
    bench.suggest("clipped", visible: 900, truncated: true, [(.accepted, nil, "")])
    bench.suggest("part😀 taken", visible: 900, [(.partial, 6, ""), (.replaced, nil, "typed")])
    bench.suggest("typed", visible: 900, [(.typedThrough, nil, "")])
    bench.suggest("dismissed", visible: 400, [(.dismissed, nil, "escape")])
    bench.suggest("contradicted", visible: 800, [(.replaced, nil, "other text")])
    let labels = try bench.feedback().labels
    #expect(
      labels.map(\.text.completion) == ["accepted", "clipped", "part😀", "typed", "dismissed", "contradicted"])
    #expect(labels.map(\.isDesirable) == [true, true, true, true, false, false])
    #expect(labels.map(\.weight) == [1, 1, 1, 0.5, 1, 1])
    #expect(labels.map(\.isWhole) == [true, false, false, true, true, true])
    #expect(labels[0].text.prefix == "secret prefix " && labels[0].text.path == "a.py")
  }

  @Test func whatWasNotSeenOrNotDecidedIsNoLabel() throws {
    let bench = try Bench()
    bench.suggest("unseen", visible: 200, [(.dismissed, nil, "escape")])
    bench.suggest("quick", visible: 500, [(.replaced, nil, "typed")])
    bench.suggest("superseded", visible: 2_000, [(.replaced, nil, "new suggestion")])
    bench.suggest("hidden", visible: 2_000, [(.hidden, nil, "closed")])
    bench.suggest("undecided", visible: 2_000, [])
    let feedback = try bench.feedback()
    #expect(feedback.labels.isEmpty && feedback.decided == 0)
  }

  @Test func oneFileDoesNotOutweighAllOthers() throws {
    let bench = try Bench()
    for index in 0..<(Feedback.mostPerFile + 5) {
      bench.suggest("text \(index)", visible: 900, file: "hot.py", [(.accepted, nil, "")])
    }
    bench.suggest("other", visible: 900, file: "cold.py", [(.accepted, nil, "")])
    let feedback = try bench.feedback()
    #expect(feedback.labels.count == Feedback.mostPerFile + 1)
    #expect(feedback.decided == Feedback.mostPerFile + 6)
  }

  @Test func aLogKeepsNoTextUnlessItIsToldTo() throws {
    let bench = try Bench(keepsText: false)
    bench.suggest("accepted", visible: 900, [(.accepted, nil, "")])
    let feedback = try bench.feedback()
    #expect(feedback.labels.isEmpty)
    #expect(feedback.decided == 1 && feedback.withoutText == 1)
    bench.log.close()
    for name in try FileManager.default.contentsOfDirectory(atPath: bench.folder.path) {
      let bytes = try #require(FileManager.default.contents(atPath: bench.folder.path + "/" + name))
      #expect(bytes.range(of: Data("secret prefix".utf8)) == nil)
    }
  }

  @Test func aLogThatIsNotThereGivesNothingAndIsNotMade() throws {
    let folder = try TemporaryFolder()
    #expect(try Feedback(path: folder.path + "/none.sqlite").labels.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/none.sqlite"))
  }
}

import Corpus
import Foundation
import Testing

@testable import Carving

/// What is learnt from a made-up history.
struct CarvingPriorTests {
  /// A repository in a temporary folder.
  private struct Repository {
    private let folder: OutputFolder
    var path: String { folder.path }

    init() throws {
      folder = try OutputFolder()
      try git("init", "-q")
    }

    func git(_ arguments: String...) throws { try folder.git(arguments) }

    func commit(_ files: [String: String]) throws {
      for (name, text) in files { try folder.write(name, text) }
      try git("add", "-A")
      try git("commit", "-q", "-m", "change")
    }
  }

  /// A function of these lines, and other code behind it: lines that resemble each other are not most of the file.
  private static func module(_ lines: [String]) -> String {
    "def run(context):\n" + lines.map { "    " + $0 + "\n" }.joined() + "    return context\n\n\n" + filler
  }

  private static let filler = (1...4).map { RandomPython.file($0) }.joined(separator: "\n")

  /// Commits that each insert one statement of one line in the middle of a function.
  private static func statements(commits: Int) throws -> Repository {
    let repository = try Repository()
    var lines = (0..<30).map { "context.value_\($0) = compute(context, \($0), scale=\($0))" }
    try repository.commit(["a.py": module(lines), "b.py": module(lines.reversed())])
    for number in 0..<commits {
      lines.insert("context.added_\(number) = insert_something(context, \(number))", at: 3 + number % 20)
      try repository.commit(["a.py": module(lines)])
    }
    return repository
  }

  private static func options(pseudoCount: Double) -> CarvingPrior.Options {
    var options = CarvingPrior.Options()
    options.pseudoCount = pseudoCount
    return options
  }

  @Test func weightsMoveToWhatTheTeamInserts() throws {
    let repository = try Self.statements(commits: 40)
    let history = try #require(GitHistory(root: repository.path))
    let prior = try CarvingPrior.learn(
      from: history, options: Self.options(pseudoCount: 2), catalog: Corpora.catalog)
    #expect(prior.train.histogram.total == 35)
    #expect(prior.train.lineInsertions == 35)
    #expect(prior.train.inLineEdits == 0)
    #expect(prior.heldOut?.histogram.total == 5)
    #expect(prior.train.histogram.cursors == ["line start": 35])
    #expect(prior.train.histogram.alignments == ["one node": 35])
    #expect(prior.distances.afterToTrain.classesAndLines < 0.3)
    #expect(
      prior.distances.afterToTrain.classesAndLines < prior.distances.beforeToTrain.classesAndLines - 0.2)
    #expect(prior.learnt.modifiers.midToken < CarvingSettings.measured.modifiers.midToken)
    let settings = prior.settings(from: .measured)
    #expect(settings.classes == prior.learnt.classes)
    #expect(settings.units[.call] == CarvingSettings.measured.units[.call])
    #expect(settings.classes[.empty] == CarvingSettings.measured.classes[.empty])
    // What is learnt are settings like any others.
    let data = try JSONEncoder().encode(prior)
    #expect(try JSONDecoder().decode(CarvingPrior.self, from: data).train == prior.train)
  }

  @Test func fewInsertionsSayLittle() throws {
    let repository = try Self.statements(commits: 12)
    let history = try #require(GitHistory(root: repository.path))
    let prior = try CarvingPrior.learn(
      from: history, options: Self.options(pseudoCount: 100_000), catalog: Corpora.catalog)
    #expect(HistogramDistance(prior.carvedAfter, prior.carvedBefore).classesAndLines < 0.1)
  }

  @Test func theSameEditInManyPlacesOfACommitCountsOnce() throws {
    let repository = try Repository()
    let lines = (0..<20).map { "old_name(context, \($0))" }
    try repository.commit(["a.py": Self.module(lines)])
    try repository.commit(["a.py": Self.module(lines.map { $0.replacingOccurrences(of: "old", with: "new") })]
    )
    // Lines in between, so that each of the next edits stands alone.
    let spaced = lines.flatMap { [$0, "pass"] }
    try repository.commit(["a.py": Self.module(spaced)])
    try repository.commit([
      "a.py": Self.module(spaced.map { $0.replacingOccurrences(of: "old", with: "other") })
    ])
    try repository.commit(["b.py": "x = 1\n"])
    let history = try #require(GitHistory(root: repository.path))
    let commits = try history.commits()
    let survey = try InsertionSurvey(
      of: Array(commits.suffix(2)), in: history, settings: .measured, catalog: Corpora.catalog)
    #expect(survey.inLineEdits == 1)
    #expect(survey.skippedInsertions["repeated"] == 19)
    #expect(survey.files == 1)
  }

  @Test func commentsStringsAndLongTextCountApart() throws {
    let repository = try Repository()
    let lines = (0..<10).map { "call(context, \"text \($0)\")" }
    try repository.commit(["a.py": Self.module(lines), "data.bin": "x"])
    var changed = lines
    changed.insert("# a remark about what follows", at: 5)
    try repository.commit(["a.py": Self.module(changed)])
    changed[0] = "call(context, \"other 0\")"
    try repository.commit(["a.py": Self.module(changed)])
    changed += (0..<60).map { "long_\($0) = compute(context, \($0))" }
    try repository.commit(["a.py": Self.module(changed), "data.bin": "y"])
    let history = try #require(GitHistory(root: repository.path))
    let survey = try InsertionSurvey(
      of: try history.commits(), in: history, settings: .measured, catalog: Corpora.catalog)
    #expect(survey.skippedInsertions["comment"] == 1)
    #expect(survey.skippedInsertions["string"] == 1)
    #expect(survey.skippedInsertions["too-long"] == 1)
    #expect(survey.histogram.total == 0)
    #expect(survey.skippedFiles["not-source"] == 1)
    #expect(survey.commits == 4)
  }

  @Test func filesUnderADeniedLicenceSayNothing() throws {
    let repository = try Repository()
    let header = "# SPDX-License-Identifier: AGPL-3.0-only\n"
    let lines = (0..<10).map { "call(context, \($0))" }
    try repository.commit(["a.py": header + Self.module(lines)])
    try repository.commit(["a.py": header + Self.module(lines + ["other(context)"])])
    let history = try #require(GitHistory(root: repository.path))
    let survey = try InsertionSurvey(
      of: try history.commits(), in: history, settings: .measured, catalog: Corpora.catalog,
      hygiene: HygieneOptions(deniedLicences: ["AGPL-"]))
    #expect(survey.skippedFiles == ["denied-licence": 1])
    let sample = try PriorSample(
      history: history, commit: history.commits()[1].id, bytes: 10_000, seed: 1, catalog: Corpora.catalog,
      hygiene: HygieneOptions(deniedLicences: ["AGPL-"]))
    #expect(sample.carve(with: .measured, wanted: 10).isEmpty)
  }

  @Test func aShortHistoryIsAnError() throws {
    let repository = try Repository()
    try repository.commit(["a.py": "x = 1\n"])
    let history = try #require(GitHistory(root: repository.path))
    #expect(throws: CorpusError.self) { try CarvingPrior.learn(from: history, catalog: Corpora.catalog) }
  }

  @Test func tablesNameEveryClassAndLength() throws {
    var histogram = InsertionHistogram()
    histogram.add(
      InsertionClass(kind: .node, length: .few, cursor: .lineStart, right: .nothing, alignment: .node))
    #expect(histogram.rows.count == InsertionHistogram.kinds.count)
    #expect(histogram.rows.allSatisfy { $0.count == InsertionHistogram.columns.count })
    #expect(histogram.rows[0][0...1] == ["N", "100.0"])
  }
}

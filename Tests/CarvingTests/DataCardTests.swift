import Context
import Corpus
import Foundation
import Testing

@testable import Carving

struct DataCardTests {
  private func card(_ tree: any SourceTree) throws -> DataCard {
    var options = CarvingRun.Options()
    options.holdsOutValidation = true
    let report = try CarvingRun(trees: [tree], options: options, catalog: Corpora.catalog).write(to: [])
    return DataCard(report, tool: "gemfill test")
  }

  @Test func totalsAgree() throws {
    var files = RandomPython.files(60)
    files["copy.py"] = RandomPython.file(3)
    files["tiny.py"] = "x = 1\n"
    let tree = MemoryTree(files)
    let card = try card(tree)
    let givers = card.files.filter { $0.examples > 0 }
    #expect(card.fileCount == givers.count)
    #expect(card.bytes == givers.reduce(0) { $0 + $1.bytes })
    #expect(card.exampleCount == card.files.reduce(0) { $0 + $1.examples })
    #expect(card.exampleCount == card.splits.values.reduce(0) { $0 + $1.statistics.examples })
    #expect(
      card.listedPaths == card.fileCount + card.filesWithoutExamples + card.skipped.values.reduce(0, +))
    #expect(abs(card.licences.values.reduce(0) { $0 + $1.share } - 1) < 1e-9)
    for (_, split) in card.splits {
      let counts = split.statistics
      #expect(counts.examples == counts.classes.values.reduce(0, +))
      #expect(counts.examples == counts.languages.values.reduce(0) { $0 + $1.values.reduce(0, +) })
      #expect(counts.examples == counts.contextCounts.values.reduce(0, +))
      #expect(counts.lengths.values.reduce(0, +) == counts.examples - (counts.classes["P"] ?? 0))
    }
  }

  @Test func onlyFilesThatContributedAreListed() throws {
    var files = RandomPython.files(30)
    // Nothing can be cut out of a licence notice.
    files["notes.py"] = "# SPDX-License-Identifier: MIT (copyright of some five people)\n"
    let list = ExampleList()
    let report = try CarvingRun(trees: [MemoryTree(files)], catalog: Corpora.catalog).write(
      to: [CarvingOutput(.train, list)])
    let card = DataCard(report, tool: "gemfill test")
    let shown = list.examples.flatMap(\.context).map(\.path)
    #expect(Set(card.files.map(\.path)) == Set(list.examples.map(\.path) + shown))
    #expect(card.filesWithoutExamples >= 1)
    for file in card.files { #expect(file.snippets == shown.count { $0 == file.path }) }
  }

  @Test func aTestSaysWhereItComesFromAndCountsItsFiles() throws {
    let older = MemoryTree(["a.py": RandomPython.file(1)])
    let new = RandomPython.file(1) + RandomPython.file(101)
    var options = CarvingRun.Options()
    options.test = .release(MemoryTree(["a.py": new, "b.py": RandomPython.file(102)]), older: older)
    options.selection.languages = ["python"]
    options.heldOutFiles = [.init(path: "held.txt", hash: ContentHash([1]), bytes: 1)]
    let report = try CarvingRun(trees: [older], options: options, catalog: Corpora.catalog).write(
      to: [CarvingOutput(.train, ExampleList()), CarvingOutput(.test, ExampleList())])
    let card = DataCard(report, tool: "gemfill test")
    #expect(card.test?.release == SourceOrigin(path: "memory"))
    #expect(card.languages == ["python"])
    #expect(card.heldOutFiles == options.heldOutFiles)
    let test = try #require(card.splits["test"])
    #expect(test.files == 2)
    #expect(test.bytes == new.utf8.count + RandomPython.file(102).utf8.count)
    let rows = card.files.filter { $0.split == .test }
    #expect(rows.reduce(0) { $0 + $1.examples } == test.statistics.examples)
    #expect(rows.contains { $0.path == "a.py" && $0.hash == ContentHash(Array(new.utf8)) })
  }

  @Test func theJSONFormReadsBackAndNamesEveryFileByItsContents() throws {
    let files = RandomPython.files(20)
    let card = try card(MemoryTree(files))
    let read = try JSONDecoder().decode(DataCard.self, from: Data(card.json))
    #expect(read == card)
    for file in read.files { #expect(file.hash == ContentHash(Array(try #require(files[file.path]).utf8))) }
    #expect(card.markdown.contains("# Data card"))
    #expect(card.markdown.contains(card.settingsHash))
  }
}

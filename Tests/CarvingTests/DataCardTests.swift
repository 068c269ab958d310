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
    #expect(card.fileCount == card.files.count)
    #expect(card.bytes == card.files.reduce(0) { $0 + $1.bytes })
    #expect(card.exampleCount == card.files.reduce(0) { $0 + $1.examples })
    #expect(card.exampleCount == card.splits.values.reduce(0) { $0 + $1.statistics.examples })
    #expect(card.listedPaths == card.fileCount + card.skipped.values.reduce(0, +))
    #expect(abs(card.licences.values.reduce(0) { $0 + $1.share } - 1) < 1e-9)
    for (_, split) in card.splits {
      let counts = split.statistics
      #expect(counts.examples == counts.classes.values.reduce(0, +))
      #expect(counts.examples == counts.languages.values.reduce(0) { $0 + $1.values.reduce(0, +) })
      #expect(counts.examples == counts.contextCounts.values.reduce(0, +))
      #expect(counts.lengths.values.reduce(0, +) == counts.examples - (counts.classes["P"] ?? 0))
    }
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

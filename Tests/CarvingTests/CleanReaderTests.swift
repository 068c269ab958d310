import Corpus
import Testing

@testable import Carving

struct CleanReaderTests {
  private let text = "key = \"hunter2-hunter2\"\n" + RandomPython.file(4)
  private let range = 7..<22

  /// A reader over one file whose survey says that a placeholder stands in `range`.
  private func read(now: String) throws -> Result<SourceFile, SkippedFile> {
    let tree = MemoryTree(["a.py": text])
    var cleaned = Array(text.utf8)
    let placeholder = Array("<password>_____".utf8)
    cleaned.replaceSubrange(range, with: placeholder)
    let head = FileSurvey.Head(
      hash: ContentHash(Array(text.utf8)), language: "python", byteCount: cleaned.count,
      stamp: Stamp.of(cleaned),
      patches: [.init(redaction: .init(rule: "password", range: range), placeholder: placeholder)],
      licence: .init(range: 0..<3, spdx: "MIT"))
    let packed = try #require(FileSurvey.Head(packed: head.packed))
    #expect(packed == head)
    tree.change("a.py", to: now)
    let run = CarvingRun(trees: [tree], catalog: Corpora.catalog)
    let reader = CleanReader(surveyor: Surveyor(run: run, epoch: 0, cache: nil), spool: try SurveySpool())
    let file = SurveyedCorpus.File(
      tree: 0, entry: 0, hash: head.hash, language: "python", bytes: head.byteCount, spdx: "MIT",
      place: .init(offset: 0, count: 0), facts: .init(offset: 0, count: 0), firstMiddle: 0, holeCount: 0,
      wanted: 0)
    return reader.read(file, packed)
  }

  @Test func placeholdersStandInTheirPlacesAgain() throws {
    let file = try read(now: text).get()
    #expect(String(decoding: file.bytes.prefix(24), as: UTF8.self) == "key = \"<password>_____\"\n")
    #expect(file.bytes.count == text.utf8.count)
    #expect(file.redactions == [.init(rule: "password", range: range)])
    #expect(file.licence?.spdx == "MIT")
  }

  @Test func aSecretThatCameMeanwhileIsNotShown() throws {
    for changed in [
      text.replacing("import", with: "imported"), text.replacing("    ", with: "\t   "), "", "x",
    ] {
      guard case .failure(let skipped) = try read(now: changed) else {
        Issue.record("a changed file was read")
        continue
      }
      #expect([.changed, .tooShort].contains(skipped.reason))
    }
  }

  @Test func recordsThatCannotBeReadBackAreMissing() throws {
    let spool = try SurveySpool()
    let place = try spool.append([1, 2, 3])
    #expect(spool.read(place) == [1, 2, 3])
    #expect(try spool.read(spool.append([])) == [])
    #expect(spool.read(.init(offset: 1, count: 9)) == nil)
  }
}

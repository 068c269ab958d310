import Corpus
import Testing

@testable import Carving

struct FileExplanationTests {
  @Test func everyHoleAndPartOfAFileIsTold() throws {
    let files = RandomPython.files(12)
    let run = CarvingRun(trees: [MemoryTree(files)], catalog: Corpora.catalog)
    let path = "pkg4/module_4.py"
    let told = try run.explain(path)
    let examples = try run.examples(epoch: 0).filter { $0.path == path }
    #expect(told.split == .train)
    #expect(told.skipped == nil)
    #expect(told.parts.map(\.language) == ["python"])
    #expect(told.definitions.count >= 8)
    let used = told.holes.filter { $0.unused == nil }
    #expect(used.map(\.hole.middle) == examples.map { $0.middleStart..<$0.middleEnd })
    #expect(used.map(\.context) == examples.map(\.context))
    #expect(told.hash?.hex == examples.first?.contentHash)
  }

  @Test func aFileThatWasLeftOutSaysWhy() throws {
    var files = RandomPython.files(3)
    files["tiny.py"] = "x = 1\n"
    let run = CarvingRun(trees: [MemoryTree(files)], catalog: Corpora.catalog)
    #expect(try run.explain("tiny.py").skipped?.reason == .tooShort)
    #expect(throws: CarvingError.self) { try run.explain("nowhere.py") }
  }
}

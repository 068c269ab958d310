import Context
import Corpus
import Foundation
import Syntax
import Testing

@testable import Carving

struct CarvingRunTests {
  private func run(_ trees: [any SourceTree], _ change: (inout CarvingRun.Options) -> Void = { _ in })
    -> CarvingRun
  {
    var options = CarvingRun.Options()
    options.seed = 7
    change(&options)
    return CarvingRun(trees: trees, options: options, catalog: Corpora.catalog)
  }

  private func lines(
    _ trees: [any SourceTree], split: DataSplit = .train,
    _ change: (inout CarvingRun.Options) -> Void = { _ in }
  ) throws -> Data {
    let folder = try OutputFolder()
    try run(trees, change).write(to: [CarvingOutput(split, JSONLSink(path: folder.path + "/a.jsonl"))])
    return try folder.bytes("a.jsonl")
  }

  @Test func sameBytesAtAnyNumberOfThreads() throws {
    let tree = RandomPython.tree(30)
    let one = try lines([tree]) { $0.threads = 1 }
    #expect(one == (try lines([tree]) { $0.threads = 5 }))
    #expect(one.count > 50_000)
    #expect(one != (try lines([tree]) { $0.seed = 8 }))
  }

  @Test func examplesFitTheirFilesAndStandInTheOrderOfTheirContents() throws {
    let files = RandomPython.files(20)
    let examples = try run([MemoryTree(files)]).examples(epoch: 0)
    #expect(examples.count > 100)
    for example in examples {
      let bytes = Array(try #require(files[example.path]).utf8)
      let window = Array((example.prefix + example.middle + example.suffix).utf8)
      #expect(Array(bytes[example.windowStart..<(example.windowStart + window.count)]) == window)
      #expect(example.fault == nil)
      #expect(example.contentHash == ContentHash(bytes).hex)
    }
    #expect(examples.map(\.contentHash) == examples.map(\.contentHash).sorted())
  }

  @Test func aFilesNameChangesNoneOfItsHoles() throws {
    let text = RandomPython.file(3)
    let first = try run([MemoryTree(["a.py": text])]) { $0.context = nil }.examples(epoch: 0)
    let second = try run([MemoryTree(["b/c.py": text])]) { $0.context = nil }.examples(epoch: 0)
    #expect(first.map(\.middle) == second.map(\.middle))
    #expect(first.map(\.middle) != (try run([MemoryTree(["a.py": text])]).examples(epoch: 1)).map(\.middle))
  }

  @Test(arguments: [1, 2, 3, 7], [nil, 150])
  func shardsFollowEachOtherToTheWhole(count: Int, limit: Int?) throws {
    let tree = RandomPython.tree(40)
    for split in [DataSplit.train, .validation] {
      let whole = try lines([tree], split: split) {
        $0.limit = limit
        $0.holdsOutValidation = true
      }
      var parts = Data()
      for index in 0..<count {
        parts += try lines([tree], split: split) {
          $0.limit = limit
          $0.holdsOutValidation = true
          $0.shard = .init(index: index, count: count)
        }
      }
      #expect(parts == whole)
      #expect(!whole.isEmpty)
    }
  }

  @Test func theLimitHolds() throws {
    let examples = try run([RandomPython.tree(30)]) { $0.limit = 50 }.examples(epoch: 0)
    #expect(examples.count == 50)
    #expect(Set(examples.map(\.path)).count > 10)
    #expect(try run([RandomPython.tree(3)]) { $0.limit = 0 }.examples(epoch: 0).count <= 1)
  }

  @Test func whatTheLimitLeavesOutIsCounted() throws {
    let all = try run([RandomPython.tree(30)]).examples(epoch: 0).count
    let report = try run([RandomPython.tree(30)]) { $0.limit = 50 }.write(
      to: [CarvingOutput(.train, ExampleList())])
    #expect(report.drops[.limit] == all - 50)
  }

  @Test func theLimitCountsTrainingExamplesAndThinsValidationInProportion() throws {
    func carve(_ limit: Int?) throws -> (train: Int, validation: Int) {
      let (train, validation) = (ExampleList(), ExampleList())
      try run([RandomPython.tree(200)]) {
        $0.holdsOutValidation = true
        $0.limit = limit
      }.write(to: [CarvingOutput(.train, train), CarvingOutput(.validation, validation)])
      return (train.examples.count, validation.examples.count)
    }
    let all = try carve(nil)
    let limited = try carve(all.train / 2)
    #expect(limited.train == all.train / 2)
    let share = Double(limited.validation) / Double(all.validation)
    #expect((0.2...0.8).contains(share), "\(limited.validation) of \(all.validation)")
  }

  @Test func whatAnOutputCannotHoldIsInNoneAndInNoCount() throws {
    /// Holds middles of one line only.
    final class OneLine: ExampleSink {
      func prepare(_ example: FIMExample) -> [UInt8]? { example.middle.contains("\n") ? nil : [] }
      func append(_ prepared: [UInt8], of example: FIMExample) {}
      func seal() {}
      func finish() {}
    }
    let list = ExampleList()
    let all = try run([RandomPython.tree(20)]).examples(epoch: 0)
    let report = try run([RandomPython.tree(20)]).write(
      to: [CarvingOutput(.train, list), CarvingOutput(.train, OneLine())])
    let kept = all.filter { !$0.middle.contains("\n") }
    #expect(!kept.isEmpty && kept.count < all.count)
    #expect(list.examples == kept)
    #expect(report.total == ExampleStatistics(kept))
    #expect(report.drops[.unfit] == all.count - kept.count)
    for file in report.files { #expect(file.examples == kept.count { $0.contentHash == file.hash.hex }) }
  }

  @Test func aReportOfWhatWasKeptCountsNothingElse() throws {
    let list = ExampleList()
    let report = try run([RandomPython.tree(20)]).write(to: [CarvingOutput(.train, list)])
    let kept = list.examples.filter { $0.path.hasPrefix("pkg1/") }
    let left = report.keeping(kept, of: .train, dropped: [.hardness: list.examples.count - kept.count])
    #expect(left.total == ExampleStatistics(kept))
    #expect(left.splits[.train]?.files == Set(kept.map(\.path)).count)
    #expect(left.drops[.hardness] == list.examples.count - kept.count)
    let shown = Set(kept.flatMap(\.context).map(\.path))
    #expect(Set(left.contributors.map(\.path)) == shown.union(kept.map(\.path)))
    let snippets = left.contributors.reduce(0) { $0 + $1.snippets }
    #expect(snippets == kept.reduce(0) { $0 + $1.context.count })
  }

  @Test func filesBelowADeniedLicenceGiveNothingAndAreCounted() throws {
    var files = RandomPython.files(12)
    files["pkg1/LICENSE"] = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n\n0. Definitions.\n"
    files["pkg1/own.py"] = "# SPDX-License-Identifier: MIT\n\n" + RandomPython.file(70)
    files["LICENSE"] =
      "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"
    let list = ExampleList()
    let report = try run([MemoryTree(files)]) {
      $0.hygiene = HygieneOptions(deniedLicences: ["GPL-3.0"])
    }.write(to: [CarvingOutput(.train, list)])
    let denied = files.keys.filter { $0.hasPrefix("pkg1/m") }.count
    #expect(denied > 1 && report.skippedCounts[.licence] == denied)
    #expect(Set(list.examples.map(\.path).filter { $0.hasPrefix("pkg1/") }) == ["pkg1/own.py"])
    #expect(report.licences.keys.sorted() == ["MIT"])
    let all = try run([MemoryTree(files)]).write(to: [])
    #expect(all.licences["GPL-3.0-only"]?.files == denied)
  }

  @Test func aRepositoryUnderADeniedLicenceGivesNothing() throws {
    var files = RandomPython.files(5)
    files["COPYING"] = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n\n0. Definitions.\n"
    let run = run([MemoryTree(files)]) { $0.hygiene = HygieneOptions(deniedLicences: ["GPL-"]) }
    let error = #expect(throws: CorpusError.self) { try run.survey() }
    #expect(error == .noSource(path: "memory", skipped: [.licence: 5, .notSource: 1]))
  }

  @Test func aMiddleOfANotebookLiesInOneCell() throws {
    let cells = (0..<60).map { number in
      """
      {"cell_type": "code", "metadata": {}, "outputs": [], "source":
      ["total_\(number) = load_\(number)(path)\\n", "print(total_\(number).head(\(number)))"]}
      """
    }
    let text = "{\"cells\": [" + cells.joined(separator: ",") + "], \"metadata\": {}}"
    var examples: [FIMExample] = []
    var dropped = 0
    for epoch in 0..<12 {
      let list = ExampleList()
      let report = try run([MemoryTree(["study.ipynb": text])]).write(
        epoch: epoch, to: [CarvingOutput(.train, list)])
      examples += list.examples.filter { $0.kind != .plain }
      dropped += report.drops[.acrossCells] ?? 0
    }
    #expect(examples.count > 50 && dropped > 0)
    for example in examples { #expect(!example.middle.contains("# %%"), "\(example.kind)") }
    #expect(examples.contains { $0.prefix.contains("# %%") && $0.suffix.contains("# %%") })
  }

  @Test func splitsShareNoFileAndNoMiddle() throws {
    var files = RandomPython.files(120)
    // Common lines, so that there is something to keep apart.
    for path in files.keys {
      files[path]? += "\n\ndef close(self):\n    self.handle.close()\n    return None\n"
    }
    let (train, validation) = (ExampleList(), ExampleList())
    let report = try run([MemoryTree(files)]) { $0.holdsOutValidation = true }.write(
      to: [CarvingOutput(.train, train), CarvingOutput(.validation, validation)])
    #expect(validation.examples.count > 5)
    #expect(validation.examples.allSatisfy { ValidationSplit.holds($0.path) })
    #expect(train.examples.allSatisfy { !ValidationSplit.holds($0.path) })
    let known = Set(train.examples.compactMap { DuplicateMiddles.hash(of: $0.middle.utf8) })
    #expect(
      validation.examples.allSatisfy { example in
        DuplicateMiddles.hash(of: example.middle.utf8).map { !known.contains($0) } ?? true
      })
    #expect(report.splits[.train]?.statistics.examples == train.examples.count)
    #expect(report.splits[.validation]?.statistics.examples == validation.examples.count)
    let shown = Set((train.examples + validation.examples).flatMap(\.context).map(\.path))
    #expect(!shown.isEmpty)
    #expect(shown.allSatisfy { !ValidationSplit.holds($0) })
  }

  @Test func ofCopiesTheOneInTheNewerTreeIsKept() throws {
    let text = RandomPython.file(1, functions: 20)
    let older = MemoryTree(["a.py": text, "b.py": RandomPython.file(2)])
    let newer = MemoryTree(["c.py": text + "\nx = 1\n", "d.py": text.replacing("    ", with: "\t")])
    let run = run([older, newer])
    let report = try run.write(to: [])
    #expect(report.files.map(\.path).sorted() == ["b.py", "c.py"])
    #expect(report.skippedCounts == [.nearDuplicate: 2])
    #expect(report.copyClusters == 1)
    #expect(try run.explain("a.py").copyOf == "c.py")
  }

  @Test func aFileThatChangesBetweenThePassesIsCountedAndTheRestIsWhole() throws {
    let files = RandomPython.files(10)
    let tree = MemoryTree(files)
    let survey = try run([tree]) { $0.context = nil }.survey()
    tree.change("pkg1/module_1.py", to: RandomPython.file(99))
    tree.change("pkg2/module_2.py", to: nil)
    let list = ExampleList()
    let report = try survey.write(to: [CarvingOutput(.train, list)])
    #expect(report.skippedCounts == [.changed: 2])
    let expected = try run([MemoryTree(files)]) { $0.context = nil }.examples(epoch: 0)
    #expect(
      list.examples == expected.filter { $0.path != "pkg1/module_1.py" && $0.path != "pkg2/module_2.py" })
  }

  @Test func heldOutTextIsInNoExample() throws {
    let secret = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi"
    var files = RandomPython.files(6)
    files["x.py"] =
      RandomPython.file(50, functions: 2) + "\n# \(secret)\n" + RandomPython.file(51, functions: 2)
    let tree = MemoryTree(files)
    #expect(
      try run([tree]).examples(epoch: 0).contains { ($0.prefix + $0.middle + $0.suffix).contains(secret) })
    let run = run([tree]) { $0.decontamination = Decontaminator(texts: [Array(secret.utf8)]) }
    let list = ExampleList()
    let report = try run.write(to: [CarvingOutput(.train, list)])
    #expect((report.drops[.contaminated] ?? 0) > 0)
    #expect(!list.examples.contains { ($0.prefix + $0.middle + $0.suffix).contains(secret) })
    #expect(!list.examples.flatMap(\.context).contains { $0.text.contains(secret) })
  }

  @Test func secretsAreInNoOutputAndTheirRuleIsCounted() throws {
    let secret = "ghp_" + "x7Kq2Vn9Rt4Lw8Zp3Mb6Yc1Hd5Jf0Gs2Aa9E"
    var files = RandomPython.files(8)
    for path in files.keys {
      files[path]? += "\ntoken = \"\(secret)\"\n" + RandomPython.file(60 + path.utf8.count)
    }
    let list = ExampleList()
    let run = run([MemoryTree(files)])
    let report = try run.write(to: [CarvingOutput(.train, list)])
    #expect(report.secrets.values.reduce(0, +) >= 8)
    #expect(list.examples.count > 100)
    for example in list.examples {
      #expect(!String(decoding: ExampleLine.json(example), as: UTF8.self).contains(secret))
    }
    #expect(!String(decoding: DataCard(report, tool: "t").json, as: UTF8.self).contains(secret))
    #expect(try run.explain("pkg1/module_1.py").redactions.count >= 1)
  }

  @Test func oldFilesGiveFewerExamples() throws {
    let files = RandomPython.files(10)
    let now = 1_700_000_000
    let old = now - 86_400 * 400
    let changed = Dictionary(uniqueKeysWithValues: files.keys.map { ($0, $0.hasPrefix("pkg0") ? now : old) })
    let report = try run([MemoryTree(files, changed: changed)]).write(to: [])
    let even = try run([MemoryTree(files)]).write(to: [])
    func count(_ report: CarvingReport, _ isNew: Bool) -> Int {
      report.files.filter { $0.path.hasPrefix("pkg0") == isNew }.reduce(0) { $0 + $1.examples }
    }
    #expect(count(report, true) == count(even, true))
    #expect(count(report, false) * 3 < count(even, false))
    #expect(report.dates == old...now)
  }

  @Test func aCancelledRunLeavesNoFile() async throws {
    let folder = try OutputFolder()
    let path = folder.path + "/a.jsonl"
    let run = run([RandomPython.tree(60)]) { $0.threads = 2 }
    let task = Task.detached {
      withUnsafeCurrentTask { $0?.cancel() }
      try run.write(to: [CarvingOutput(.train, JSONLSink(path: path))])
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(folder.names == [])
  }

  @Test func noOutputAppearsWhenAnotherCannotBeWritten() throws {
    /// A sink whose disk is full at the last moment.
    final class FullDisk: ExampleSink {
      func prepare(_ example: FIMExample) -> [UInt8]? { [] }
      func append(_ prepared: [UInt8], of example: FIMExample) {}
      func seal() throws { throw CarvingError.unwritable(path: "b", reason: "disk full") }
      func finish() {}
    }
    let folder = try OutputFolder()
    #expect(throws: CarvingError.self) {
      try run([RandomPython.tree(5)]).write(
        to: [
          CarvingOutput(.train, JSONLSink(path: folder.path + "/a.jsonl")), CarvingOutput(.train, FullDisk()),
        ])
    }
    #expect(folder.names == [])
  }

  @Test func nothingUsableIsAnErrorThatSaysWhy() {
    let tree = MemoryTree(["a.py": "x\n", "b.py": "\u{0}\u{0} one two three four five six\n"])
    let error = #expect(throws: CorpusError.self) { try run([tree]).survey() }
    #expect(error == .noSource(path: "memory", skipped: [.tooShort: 1, .binary: 1]))
    #expect(throws: CorpusError.self) { try run([]).survey() }
  }

  @Test func oddFilesAreCountedAndNeverATrap() throws {
    let good = RandomPython.file(1)
    let tree = MemoryTree([
      "good.py": good, "crlf.py": RandomPython.file(2).replacing("\n", with: "\r\n"),
      "brackets.c": "int deep = " + String(repeating: "(a +\n", count: 100_000) + "1;\n",
      "braces.js": String(repeating: "function f() { if (a) [\n", count: 20_000),
      "line.js": "var a = " + String(repeating: "word + ", count: 100_000) + "1;\n",
      "broken.py": RandomPython.file(9).replacing("def ", with: "def def ("),
      "page.html":
        "<html><head><title>one two three</title><script>\nfunction add(first, second) {\n  return first + second;\n}\n</script></head><body><p>four five six</p></body></html>\n",
    ])
    let examples = try run([tree]).examples(epoch: 0)
    #expect(examples.contains { $0.path == "crlf.py" && $0.prefix.contains("\r\n") })
    #expect(examples.contains { $0.path == "good.py" })
    #expect(examples.allSatisfy { $0.fault == nil })
  }
}

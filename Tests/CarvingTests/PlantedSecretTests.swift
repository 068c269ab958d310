import Corpus
import Foundation
import Testing

@testable import Carving

struct PlantedSecretTests {
  /// A file with `text` planted in its midst: in a string, a comment, a dictionary, an address, a shell script.
  private static func file(_ place: Int, _ text: String, seed: Int) -> (suffix: String, text: String) {
    let before = RandomPython.file(seed, functions: 5)
    let after = "\n" + RandomPython.file(seed + 100_000, functions: 5)
    func shell(_ text: String) -> String {
      text.split(separator: "\n").map { "# " + $0 + "\necho \($0.count) \(seed)\n" }.joined()
    }
    switch place {
    case 0: return ("py", before + "client = connect(\"\(text)\", retries=3)\n" + after)
    case 1: return ("py", before + "# Tried it with \(text) and it works, see the notes.\n" + after)
    case 2:
      return ("py", before + "settings = {\n    'first': '\(text)',\n    'colour': 'green',\n}\n" + after)
    case 3: return ("py", before + "place = \"https://x.corp.io/?first=\(text)\"\n" + after)
    default: return ("sh", "#!/bin/sh\n" + shell(before) + "export FIRST=\(text)\n" + shell(after))
    }
  }

  /// Runs of twelve bytes of secrets.
  private struct Finder {
    static let length = 12
    var runs: [UInt128: String] = [:]

    static func each(_ bytes: some Sequence<UInt8>, _ body: (UInt128) -> Void) {
      var window: UInt128 = 0
      var count = 0
      for byte in bytes {
        window = (window << 8 | UInt128(byte)) & (UInt128(1) << 96 - 1)
        count += 1
        if count >= length { body(window) }
      }
    }

    func found(in bytes: some Sequence<UInt8>) -> Set<String> {
      var found: Set<String> = []
      Self.each(bytes) { if let kind = runs[$0] { found.insert(kind) } }
      return found
    }
  }

  @Test func noKindAtNoPlaceReachesAnyOutput() throws {
    var random = TestRandom(state: 11)
    var files: [String: String] = [:]
    var finder = Finder()
    var kinds: Set<String> = []
    for place in 0..<5 {
      for secret in PlantedSecrets.all(&random) {
        kinds.insert(secret.kind)
        let (suffix, text) = Self.file(place, secret.text, seed: files.count)
        files["place\(place)/\(secret.kind.replacing("-", with: "_")).\(suffix)"] = text
        Finder.each(secret.secret.utf8) { finder.runs[$0] = "\(secret.kind) at \(place)" }
      }
    }
    #expect(kinds.count >= 25)
    // The finder finds what is there.
    #expect(
      files.values.reduce(into: Set<String>()) { $0.formUnion(finder.found(in: $1.utf8)) }.count > 5 * 25)

    let folder = try OutputFolder()
    let list = ExampleList()
    var options = CarvingRun.Options()
    options.cachePath = folder.path + "/cache.sqlite"
    let report = try CarvingRun(trees: [MemoryTree(files)], options: options, catalog: Corpora.catalog).write(
      to: [CarvingOutput(.train, try JSONLSink(path: folder.path + "/a.jsonl")), CarvingOutput(.train, list)])
    #expect(report.files.count > files.count * 9 / 10)
    #expect(report.secrets.values.reduce(0, +) >= report.files.count)
    #expect(list.examples.contains { !$0.context.isEmpty })

    let card = DataCard(report, tool: "test")
    #expect(finder.found(in: card.json) == [])
    #expect(finder.found(in: card.markdown.utf8) == [])
    #expect(finder.found(in: try folder.bytes("a.jsonl")) == [])
    #expect(finder.found(in: try folder.bytes("cache.sqlite")) == [])
    for example in list.examples {
      // As trainers see it that take prompt and completion.
      let context = example.context.map { $0.path + "\n" + $0.text }.joined()
      let text = example.path + context + example.prefix + example.middle + example.suffix
      let found = finder.found(in: text.utf8)
      #expect(found == [], "\(example.path)")
    }
  }
}

import Foundation
import Syntax
import Testing

@testable import Context

/// No snippet may hold the middle, or nearly.
struct LeakTests {
  @Test func whiteSpaceAndSmallChangesDoNotHideACopy() {
    let middle = Array(
      "        total = price_of(basket, customer) * (1 - discount_for(customer))\n        return round(total, 2)\n"
        .utf8)
    let leaks = LeakGuard(middle)
    func forbids(_ text: String) -> Bool { leaks.forbids(Array(text.utf8)[...]) }
    let copy = String(decoding: middle, as: UTF8.self)
    #expect(forbids("def f():\n" + copy + "\ndef g():\n    pass\n"))
    #expect(forbids(copy.replacing("        ", with: "\t")))
    #expect(forbids("x = 1\n" + copy.replacing("round(total, 2)", with: "round(total, 3)")))
    #expect(!forbids("def price_of(basket, customer):\n    return sum(basket)\n"))
    #expect(!LeakGuard(Array("return total".utf8)).forbids(Array("return total".utf8)[...]))
    #expect(!LeakGuard(nil).forbids(middle[...]))
  }

  @Test func aShortMiddleLeaksWithItsPlaceOnly() {
    let prefix =
      "def find(items, wanted):\n    for item in items:\n        if item.name == wanted:\n            return item\n\n    "
    let suffix = "\n\n\ndef count_items(items):\n    return len(items)\n"
    let query = ContextQuery(
      path: "a.py", language: "python", prefix: Array(prefix.utf8), suffix: Array(suffix.utf8),
      hole: .init(middle: Array("return None".utf8), range: 0..<11), budgetBytes: 1_000)
    let leaks = LeakGuard(query)
    func forbids(_ text: String) -> Bool { leaks.forbids(Array(text.utf8)[...]) }
    // The same function once more, also where it is indented otherwise.
    #expect(forbids(prefix + "return None" + suffix))
    #expect(forbids((prefix + "return None" + suffix).replacing("    ", with: "\t")))
    #expect(!forbids("def parse(text):\n    if not text:\n        return None\n    return int(text)\n"))
    #expect(!forbids(prefix))
    // Nothing is hidden, so that nothing leaks.
    var empty = query
    empty.hole = .init(middle: [], range: 0..<0)
    #expect(!LeakGuard(empty).forbids(Array((prefix + suffix).utf8)[...]))
  }

  @Test func theFileOfTheHoleIsNeverShownAndGenericTextElsewhereIs() {
    let body =
      "def handle_order(order, stock):\n    if order.kind not in stock:\n        return None\n    return stock[order.kind]\n"
    let repository = Repository([
      "app/a.py": body,
      "app/b.py":
        "from .a import handle_order\n\n\ndef handle_return(order, stock):\n    if order.kind in stock:\n"
        + "        return None\n    return handle_order(order, stock)\n",
    ])
    let start = body.utf8.count - "return None\n    return stock[order.kind]\n".utf8.count
    let bytes = Array(body.utf8)
    let snippets = repository.builder().snippets(
      for: ContextQuery(
        path: "app/a.py", language: "python", prefix: Array(bytes[..<start]),
        suffix: Array(bytes[(start + 11)...]),
        hole: .init(middle: Array("return None".utf8), range: start..<start + 11), budgetBytes: 1_000))
    #expect(snippets.map(\.path) == ["app/b.py"])
    #expect(snippets.first?.text.contains("return None") == true)
  }

  /// Files that copy from each other, as real ones do: statements from a small stock, with and without changes.
  private static func repository(_ random: inout Generator) -> Repository {
    let stock = (0..<40).map {
      "    value_\($0 % 13) = compute_total_\($0)(customer_\($0 % 7), basket_\($0 % 5))\n"
    }
    var files: [String: String] = [:]
    for number in 0..<12 {
      var text = "from .module_\((number + 1) % 12) import handler_\((number + 1) % 12)\n\n\n"
      for function in 0..<4 {
        text += "def handler_\(number)_\(function)(customer_1, basket_2):\n"
        for _ in 0..<6 { text += stock[Int.random(in: 0..<stock.count, using: &random)] }
        text += "    return value_\(function)\n\n\n"
      }
      files["pkg/module_\(number).py"] = text
    }
    return Repository(files)
  }

  struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ state >> 29
    }
  }

  @Test func noSnippetHoldsTheMiddle() {
    var random = Generator(state: 7)
    var shown = 0
    for _ in 0..<4 {
      let repository = Self.repository(&random)
      let builder = repository.builder()
      for (path, text) in repository.files.sorted(by: { $0.key < $1.key }) {
        let bytes = Array(text.utf8)
        for _ in 0..<25 {
          let start = Int.random(in: 0..<bytes.count - 20, using: &random)
          let end = min(bytes.count, start + Int.random(in: 20...200, using: &random))
          let middle = Array(bytes[start..<end])
          let query = ContextQuery(
            path: path, language: "python", prefix: Array(bytes[..<start]), suffix: Array(bytes[end...]),
            hole: .init(middle: middle, range: start..<end),
            budgetBytes: Int.random(in: 100...1_500, using: &random))
          for snippet in builder.snippets(for: query) {
            shown += 1
            let lines = snippet.text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(snippet.path != path)
            #expect(!snippet.text.contains(String(decoding: middle, as: UTF8.self)))
            #expect(!Self.isNearCopy(middle, lines.map(String.init)))
          }
        }
      }
    }
    // The guard does not simply forbid everything.
    #expect(shown > 1_000)
  }

  /// Jaccard > 0.8 over runs of five words, against every run of lines.
  private static func isNearCopy(_ middle: [UInt8], _ lines: [String]) -> Bool {
    let wanted = shingles(String(decoding: middle, as: UTF8.self))
    guard !wanted.isEmpty else { return false }
    for start in lines.indices {
      for end in start..<lines.count {
        let found = shingles(lines[start...end].joined(separator: "\n"))
        if Double(found.intersection(wanted).count) > 0.8 * Double(found.union(wanted).count) { return true }
      }
    }
    return false
  }

  private static func shingles(_ text: String) -> Set<String> {
    let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    guard words.count >= 5 else { return [] }
    return Set((0...words.count - 5).map { words[$0..<$0 + 5].joined(separator: " ") })
  }

  @Test func aHiddenImportDoesNotShowWhereItLeads() {
    let repository = Repository([
      "app/main.py": "from .engine import start\nx = 1\n",
      "app/engine.py": "def start():\n    return unrelated_words_here()\n",
    ])
    let index = repository.index
    let main = index.file("app/main.py") ?? -1
    #expect(index.imports.imports(of: main, hidden: nil).count == 1)
    #expect(index.imports.imports(of: main, hidden: 5..<13).isEmpty)
    #expect(index.imports.imports(of: main, hidden: 26..<31).count == 1)
  }
}

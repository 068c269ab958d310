import Testing

@testable import Syntax

struct MixedFileTests {
  private func parts(_ text: String, _ language: String = "html") -> [ParsedPart] {
    Grammars.catalog.parse(Array(text.utf8), language: language, timeoutMs: 20_000).parts
  }

  private func text(_ node: SyntaxNode, in source: String) -> String {
    String(decoding: Array(source.utf8)[node.byteRange], as: UTF8.self)
  }

  @Test func aPageHasAPartForEachScriptAndStyle() throws {
    let source = try Grammars.sample("html")
    let parts = Grammars.catalog.parse(source, language: "html", timeoutMs: 20_000).parts
    #expect(parts.map(\.language.name) == ["html", "css", "javascript"])
    #expect(parts[0].range == 0..<source.count)
    #expect(parts[0].embedded == parts.dropFirst().map(\.range))
    #expect(parts.allSatisfy { $0.tree.errorCount() == 0 })
  }

  @Test func offsetsAndRowsAreThoseOfTheFile() throws {
    let page = "<p>\u{e9}</p>\n<script>\n  let a = 1;\n  f(a, b);</script>\n<style>p { margin: 0 }</style>\n"
    let parts = parts(page)
    let call = try #require(parts[1].tree.nodes.first { $0.kind == "call_expression" })
    #expect(text(call, in: page) == "f(a, b)")
    #expect(call.startRow == 3)
    let rule = try #require(parts[2].tree.nodes.first { $0.kind == "declaration" })
    #expect(text(rule, in: page) == "margin: 0")
    #expect(rule.startRow == 4)
    for part in parts.dropFirst() {
      #expect(part.tree.nodes.allSatisfy { part.range.contains($0.byteRange.lowerBound) })
      #expect(part.tree.nodes.allSatisfy { part.range.upperBound >= $0.byteRange.upperBound })
    }
  }

  @Test func thePageDoesNotOwnWhatItsScriptsSay() throws {
    let page = "<p>a</p><script>b()</script><p>c</p><style>p{}</style>"
    let host = try #require(parts(page).first)
    for node in host.tree.nodes where host.embedded.contains(where: { $0.overlaps(node.byteRange) }) {
      #expect(!host.owns(node.byteRange))
    }
    let raw = host.tree.nodes.filter { $0.kind == "raw_text" }
    #expect(raw.count == 2)
    #expect(raw.allSatisfy { $0.roles.isEmpty && $0.isLeaf })
    #expect(host.owns(0..<16))
    #expect(host.owns(19..<28))
    #expect(!host.owns(15..<17))
    #expect(host.owns(16..<16))
  }

  @Test(arguments: [
    ("<script>a</script>", "javascript"), ("<script type=\"module\">a</script>", "javascript"),
    ("<script type='text/javascript; charset=utf-8'>a</script>", "javascript"),
    ("<script lang=ts>let a: number = 1</script>", "typescript"),
    ("<script type=\"text/typescript\">a</script>", "typescript"),
    ("<script lang=\"tsx\">const a = <b/></script>", "tsx"),
    ("<script type=\"application/ld+json\">{\"a\": 1}</script>", "json"),
    ("<script type=importmap>{}</script>", "json"), ("<STYLE>p{}</STYLE>", "css"),
    ("<style type=\"text/css\">p{}</style>", "css"),
  ])
  func attributesNameTheLanguage(page: String, language: String) {
    #expect(parts(page).map(\.language.name) == ["html", language])
  }

  @Test(arguments: [
    "<script type=\"text/template\"><p></p></script>", "<style lang=\"scss\">a { b { c: d } }</style>",
    "<script type=\"x-shader/x-vertex\">void main() {}</script>", "<script> \n </script>",
  ])
  func whatNobodyReadsIsNotParsedButStaysEmbedded(page: String) {
    let parts = parts(page)
    #expect(parts.count == 1)
    #expect(parts[0].embedded.count == 1)
  }

  @Test func brokenPagesStillGiveTheirParts() {
    #expect(parts("<script>f(").count == 2)
    #expect(parts("<script></script><script").count == 1)
    #expect(parts("<script>\"</script>\"</script>").count == 2)
    #expect(parts("").count == 1)
  }

  @Test func phpIsOnePart() {
    let parts = parts("<p><?php f($a); ?></p>\n<script>a</script>\n", "php")
    #expect(parts.map(\.language.name) == ["php"])
    #expect(parts[0].tree.nodes.contains { $0.kind == "function_call_expression" })
  }

  @Test func theParserReadsWholeTextsAgainAfterAPart() throws {
    let source = Array("f();\n".utf8)
    for _ in 0..<3 {
      _ = parts("<p>a</p><script>g()</script>")
      let tree = try #require(Grammars.language("javascript").parse(source))
      #expect(tree.root.byteRange == 0..<source.count)
    }
  }

  @Test func saysWhyThereAreNoParts() {
    guard case .unknownLanguage = Grammars.catalog.parse([], language: "cobol", timeoutMs: 100) else {
      Issue.record("cobol is known")
      return
    }
    let long = Array(String(repeating: "f(a, [b, {c: d}]);\n", count: 200_000).utf8)
    guard case .timedOut = Grammars.catalog.parse(long, language: "javascript", timeoutMs: 1) else {
      Issue.record("3.8 MB in a millisecond")
      return
    }
    let page = Array("<script>".utf8) + long
    guard case .timedOut = Grammars.catalog.parse(page, language: "html", timeoutMs: 20) else {
      Issue.record("the time is that of the whole file")
      return
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func tenThousandScriptsCostNoTime() {
    let page = String(repeating: "<script>a</script>\n", count: 10_000)
    let parts = parts(page)
    #expect(parts.count == 10_001 || parts.isEmpty)
  }
}

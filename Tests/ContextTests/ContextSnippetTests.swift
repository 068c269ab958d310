import Foundation
import Testing

@testable import Context

struct ContextSnippetTests {
  @Test func aSnippetSurvivesJSON() throws {
    let snippet = ContextSnippet(path: "a/b.py", source: .similar, firstLine: 3, text: "def größe():\n")
    let again = try JSONDecoder().decode(ContextSnippet.self, from: JSONEncoder().encode(snippet))
    #expect(again == snippet)
  }
}

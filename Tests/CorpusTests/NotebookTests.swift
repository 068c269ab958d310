import Foundation
import Testing

@testable import Corpus

struct NotebookTests {
  private static let notebook = """
    {"cells": [
      {"cell_type": "markdown", "source": ["# Title"]},
      {"cell_type": "code", "source": ["%matplotlib inline\\n", "import numpy as np\\n", "if loud:\\n", "    !ls\\n"], "outputs": []},
      {"cell_type": "code", "source": "%%bash\\necho no\\n"},
      {"cell_type": "code", "source": "%%time\\nx = 1 % 2\\nhelp?"}
    ], "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4}
    """

  @Test func codeCellsBecomeOneText() throws {
    let code = try Notebook.code(in: Array(Self.notebook.utf8)).get()
    #expect(code.language == "python")
    #expect(
      String(decoding: code.text, as: UTF8.self) == """
        # %%
        # %matplotlib inline
        import numpy as np
        if loud:
            pass  # !ls

        # %%
        # %%time
        x = 1 % 2
        # help?

        """)
  }

  @Test func windowsLineEndsAreLineEnds() throws {
    let lines = "%matplotlib inline\\r\\nimport numpy\\r\\n!ls\\r\\nhelp?\\r\\n"
    let notebook = """
      {"cells": [{"cell_type": "code", "source": "\(lines)"},
        {"cell_type": "code", "source": "%%time\\r\\nx = 1"}, {"cell_type": "code", "source": "%%bash\\r\\nls"}]}
      """
    let code = try Notebook.code(in: Array(notebook.utf8)).get()
    #expect(
      String(decoding: code.text, as: UTF8.self)
        == "# %%\n# %matplotlib inline\nimport numpy\n# !ls\n# help?\n\n# %%\n# %%time\nx = 1\n")
  }

  @Test func aNotebookIsAFileInTheLanguageOfItsKernel() throws {
    let hygiene = FileHygiene(catalog: Fixtures.catalog)
    #expect(hygiene.mayBeSource("a/b.ipynb"))
    let file = try hygiene.clean(path: "a/b.ipynb", bytes: Array(Self.notebook.utf8)).get()
    #expect(file.language == "python")
    #expect(file.bytes == (try Notebook.code(in: Array(Self.notebook.utf8)).get().text))
    let odd = Self.notebook.replacingOccurrences(of: "\"python\"", with: "\"Ada 95\"")
    #expect(
      try hygiene.clean(path: "b.ipynb", bytes: Array(odd.utf8)).get().language == SourceFile.textLanguage)
  }

  @Test(arguments: [
    ("{", SkipReason.notSource), ("[]", .notSource), ("{\"cells\": 3}", .notSource),
    ("{\"cells\": []}", .tooShort),
    ("{\"cells\": [3, {\"cell_type\": \"code\"}, {\"cell_type\": \"code\", \"source\": 7}]}", .tooShort),
  ])
  func malformedNotebooksHaveAReason(text: String, reason: SkipReason) {
    guard case .failure(let skipped) = Notebook.code(in: Array(text.utf8)) else {
      Issue.record("taken")
      return
    }
    #expect(skipped.reason == reason)
  }

  @Test func formatThreeHasItsCellsInWorksheets() throws {
    let text =
      "{\"worksheets\": [{\"cells\": [{\"cell_type\": \"code\", \"input\": [\"a = 1\\n\"]}]}], \"nbformat\": 3}"
    #expect(try Notebook.code(in: Array(text.utf8)).get().text == Array("# %%\na = 1\n".utf8))
  }

  @Test func bordersAreTheLinesBetweenCells() {
    let text = Array("# %%\nx = 1\n\n# %%\ny = '# %%'\n# %% named\n".utf8)
    #expect(Notebook.borders(in: text) == [0..<4, 12..<16])
    #expect(Notebook.borders(in: Array("// %%\nlet x = 1".utf8)) == [0..<5])
    #expect(Notebook.borders(in: []).isEmpty)
  }
}

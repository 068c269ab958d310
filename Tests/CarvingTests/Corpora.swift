import Corpus
import Foundation
import Syntax
import Testing

@testable import Carving

/// Made-up code for the tests.
enum Corpora {
  static let catalog: LanguageCatalog = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return LanguageCatalog(directories: [root.appendingPathComponent(".build/grammars").path])
  }()

  static func file(_ path: String, _ language: String, _ text: String) -> SourceFile {
    SourceFile(path: path, language: language, bytes: Array(text.utf8))
  }

  /// Python files with functions, classes, calls, lists and comments.
  static func python(files: Int) -> [SourceFile] {
    (0..<files).map { number in
      var text = "# Copyright 2024 Someone. Licensed under MIT.\n\nimport os\nimport sys\n\n"
      for index in 0..<8 {
        text += """
          class Shape\(index)(Base):
              \"\"\"A shape named \(number).\"\"\"

              def area_\(index)(self, width, height=\(index)):
                  # Multiply both sides.
                  result = compute(width, height, scale=self.scale)
                  if result > \(number) and self.enabled:
                      self.log.warning("large area: %s", result)
                      return min(result, self.limit)

                  values = [width, height, result, "größe"]
                  for value in values:
                      self.total += transform(value, self.factor)
                      self.count += 1
                  return self.total / len(values)


          """
      }
      return SourceFile(
        path: "pkg/module_\(number).py", language: "python", bytes: Array(text.utf8),
        licence: SourceFile.LicenceNotice(range: 0..<45, spdx: "MIT"))
    }
  }

  static let samples: [String: String] = [
    "python":
      "def f(a, b):\n    c = call(a, b, [1, 2, 3])\n    if c > a:\n        return c\n    return other(a)\n",
    "javascript":
      "function f(a, b) {\n  const c = call(a, b, [1, 2, 3]);\n  if (c > a) {\n    return c;\n  }\n  return other(a);\n}\n",
    "typescript":
      "function f(a: number, b: number): number {\n  const c = call(a, b, [1, 2]);\n  if (c > a) {\n    return c;\n  }\n  return other(a);\n}\n",
    "tsx":
      "function F(a: number) {\n  const c = call(a, a, [1, 2]);\n  if (c > a) {\n    return <b>{c}</b>;\n  }\n  return other(a);\n}\n",
    "go":
      "package p\n\nfunc f(a int, b int) int {\n\tc := call(a, b, []int{1, 2, 3})\n\tif c > a {\n\t\treturn c\n\t}\n\treturn other(a)\n}\n",
    "rust":
      "fn f(a: i32, b: i32) -> i32 {\n    let c = call(a, b, [1, 2, 3]);\n    if c > a {\n        return c;\n    }\n    other(a)\n}\n",
    "java":
      "class A {\n  int f(int a, int b) {\n    int c = call(a, b, new int[] {1, 2});\n    if (c > a) {\n      return c;\n    }\n    return other(a);\n  }\n}\n",
    "c":
      "int f(int a, int b) {\n  int c = call(a, b, 3);\n  if (c > a) {\n    return c;\n  }\n  return other(a);\n}\n",
    "cpp":
      "int f(int a, int b) {\n  auto c = call(a, b, {1, 2, 3});\n  if (c > a) {\n    return c;\n  }\n  return other(a);\n}\n",
    "swift":
      "func f(_ a: Int, b: Int) -> Int {\n  let c = call(a, b, [1, 2, 3])\n  if c > a {\n    return c\n  }\n  return other(a)\n}\n",
    "ruby": "def f(a, b)\n  c = call(a, b, [1, 2, 3])\n  if c > a\n    return c\n  end\n  other(a)\nend\n",
    "kotlin":
      "fun f(a: Int, b: Int): Int {\n    val c = call(a, b, listOf(1, 2, 3))\n    if (c > a) {\n        return c\n    }\n    return other(a)\n}\n",
    "php":
      "<?php\nfunction f($a, $b) {\n    $c = call($a, $b, [1, 2, 3]);\n    if ($c > $a) {\n        return $c;\n    }\n    return other($a);\n}\n",
    "bash":
      "run() {\n  local name=\"$1\"\n  if [ -n \"$name\" ]; then\n    echo \"$name\" | sort -u\n    return 1\n  fi\n  other --flag \"$name\"\n}\n",
    "lua":
      "local function f(a, b)\n  local c = call(a, b, {1, 2, 3})\n  if c > a then\n    return c\n  end\n  return other(a)\nend\n",
    "zig":
      "fn f(a: i32, b: i32) i32 {\n    const c = call(a, b, 3);\n    if (c > a) {\n        return c;\n    }\n    return other(a);\n}\n",
    "csharp":
      "class A {\n  int F(int a, int b) {\n    var c = Call(a, b, new[] { 1, 2, 3 });\n    if (c > a) {\n      return c;\n    }\n    return Other(a);\n  }\n}\n",
    "text":
      "fun f(a, b) {\n  c = call(a, b, [1, 2, 3])\n  if (c > a) {\n    return c\n  }\n  return other(a)\n}\n",
  ]

  /// Text with a tree, but without statements.
  static let dataSamples: [String: String] = [
    "html":
      "<html>\n<body>\n<ul class=\"list\">\n<li>first item</li>\n<li>second item</li>\n</ul>\n<script>\nfunction f(a, b) {\n  const c = call(a, b);\n  return other(c);\n}\n</script>\n<p>text of a paragraph</p>\n</body>\n</html>\n",
    "css":
      "a, .item > b {\n  color: red;\n  margin: 0 auto 4px;\n}\n\n@media (max-width: 600px) {\n  p { padding: calc(1px + 2em); }\n}\n",
    "json":
      "{\n  \"name\": \"thing\",\n  \"values\": [1, 2, 3, 4],\n  \"inner\": {\n    \"deep\": true,\n    \"other\": \"text\"\n  }\n}\n",
  ]

  /// Options that give only one class, and plenty of it.
  static func only(_ kind: FIMExample.Kind, seed: UInt64 = 5) -> CarveOptions {
    var settings = many
    settings.classes = [kind: 1]
    settings.plainShare = kind == .plain ? 1 : 0
    settings.bytesPerExample = 10
    return CarveOptions(settings: settings, seed: seed)
  }

  /// The defaults, but with as many examples as a file can give.
  static var many: CarvingSettings {
    var settings = CarvingSettings.measured
    settings.bytesPerExample = 60
    settings.examplesPerFile = 60
    return settings
  }

  static func carve(_ files: [SourceFile], _ options: CarveOptions, epoch: Int = 0) -> [FIMExample] {
    Carver(options: options, catalog: catalog).examples(from: files, epoch: epoch)
  }
}

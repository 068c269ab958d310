import Corpus
import Syntax
import Testing

@testable import Carving

/// Units of N, R and B, checked against the tree without the sampler's own means.
struct AlignmentTests {
  static let languages = (Array(Corpora.samples.keys) + Array(Corpora.dataSamples.keys)).filter {
    $0 != "text"
  }.sorted()

  /// Every range that a node has, and every range from the start of a child to the end of it or a later sibling.
  private static func aligned(_ parts: [ParsedPart], _ source: [UInt8]) -> Set<Range<Int>> {
    var found: Set<Range<Int>> = []
    func trimmed(_ range: Range<Int>) -> Range<Int> {
      var end = range.upperBound
      while end > range.lowerBound, " \t\r\n".utf8.contains(source[end - 1]) { end -= 1 }
      return range.lowerBound..<end
    }
    for part in parts {
      for node in part.tree.nodes {
        found.insert(trimmed(node.byteRange))
        let children = node.children.map { trimmed($0.byteRange) }.filter { !$0.isEmpty }
        for first in children.indices {
          for last in children[first...] where last.upperBound > children[first].lowerBound {
            found.insert(children[first].lowerBound..<last.upperBound)
          }
        }
      }
    }
    return found
  }

  @Test(arguments: languages, [FIMExample.Kind.node, .siblingRun, .blockTail])
  func unitsAreNodesOrRunsOfSiblings(language: String, kind: FIMExample.Kind) throws {
    let text = try #require(Corpora.samples[language] ?? Corpora.dataSamples[language])
    let file = Corpora.file("a", language, text)
    let parts = Corpora.catalog.parse(file.bytes, language: language, timeoutMs: 10_000).parts
    try #require(!parts.isEmpty)
    let aligned = Self.aligned(parts, file.bytes)
    for seed in 0..<8 {
      var carver = FileCarver(
        file: file, parts: parts, settings: Corpora.only(kind).settings, seed: UInt64(seed))
      for hole in carver.carve().holes where hole.kind == kind {
        check(hole, file.bytes, aligned)
      }
    }
  }

  @Test func unitsOfALargeFileAreAlignedToo() throws {
    for file in Corpora.python(files: 6) {
      let parts = Corpora.catalog.parse(file.bytes, language: "python", timeoutMs: 10_000).parts
      let aligned = Self.aligned(parts, file.bytes)
      var settings = Corpora.many
      settings.examplesPerFile = 400
      settings.bytesPerExample = 10
      var carver = FileCarver(file: file, parts: parts, settings: settings, seed: 7)
      let holes = carver.carve().holes
      #expect(holes.count > 150)
      for hole in holes where [.node, .siblingRun, .blockTail].contains(hole.kind) {
        check(hole, file.bytes, aligned)
      }
    }
  }

  /// The middle is the unit, but for the modifiers.
  private func check(_ hole: CarvedHole, _ bytes: [UInt8], _ aligned: Set<Range<Int>>) {
    let text = String(decoding: bytes[hole.unit], as: UTF8.self)
    #expect(aligned.contains(hole.unit), "\(hole.kind.rawValue) \(hole.nodePath): \(text)")
    let visible = Blanks.trimmed(hole.middle, of: bytes)
    let startsInside = visible.lowerBound > hole.unit.lowerBound && visible.lowerBound < hole.unit.upperBound
    #expect(startsInside == hole.modifiers.contains(.midToken), "\(text)")
    #expect(startsInside || visible.lowerBound == hole.unit.lowerBound, "\(text)")
    if startsInside {
      #expect(bytes[hole.unit.lowerBound..<visible.lowerBound].allSatisfy(Blanks.isWord), "\(text)")
      #expect(Blanks.isWord(bytes[visible.lowerBound]), "\(text)")
    }
    if hole.modifiers.contains(.closerInside) {
      #expect(Blanks.isCloser(bytes[visible.upperBound - 1]))
      let between = bytes[hole.unit.upperBound..<visible.upperBound - 1]
      #expect(between.allSatisfy(Blanks.isSpace), "\(text)")
    } else {
      #expect(visible.upperBound == hole.unit.upperBound, "\(text)")
    }
    #expect(hole.modifiers.contains(.indentOnly) ? hole.kind == .blockTail : true)
  }
}

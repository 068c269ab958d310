import Foundation
import Testing

@testable import Corpus

@Suite struct FingerprintTests {
  /// MinHash as in the books: one permutation for each row.
  private func minHash(_ elements: [UInt64], rows: Int) -> [UInt64] {
    (0..<rows).map { row in
      let seed = Mixing.mix(UInt64(row) &* 0x1234_5678_9ABC_DEF1 &+ 7)
      return elements.lazy.map { Mixing.mix($0 &* 0xD6E8_FEB8_6659_FD93 ^ seed) }.min() ?? 0
    }
  }

  /// Sizes of the union, and the Jaccard similarity.
  static let cases: [(union: Int, jaccard: Double)] = [
    (4, 0.5), (20, 0.7), (60, 0.3), (250, 0.7), (250, 0.9), (1_000, 0.5), (1_500, 0.8), (4_000, 0.7),
  ]

  @Test(arguments: cases)
  func estimatesJaccardAsWellAsMinHashDoes(union: Int, jaccard: Double) {
    var generator = TestGenerator(state: UInt64(union))
    let shared = Int((Double(union) * jaccard).rounded())
    let exact = Double(shared) / Double(union)
    let trials = 300
    var (bias, error, bookError) = (0.0, 0.0, 0.0)
    for _ in 0..<trials {
      let elements = (0..<union).map { _ in generator.next() }
      let border = shared + (union - shared) / 2
      let left = Array(elements[..<border])
      let right = Array(elements[..<shared] + elements[border...])
      let sketches = [left, right].map { SimilaritySketch.rows(256, of: $0[...]) }
      let estimate = Double(zip(sketches[0], sketches[1]).count { $0 == $1 }) / 256
      bias += estimate - exact
      error += (estimate - exact) * (estimate - exact)
      if union <= 250 {
        let book = zip(minHash(left, rows: 256), minHash(right, rows: 256)).count { $0 == $1 }
        bookError += (Double(book) / 256 - exact) * (Double(book) / 256 - exact)
      }
    }
    let variance = exact * (1 - exact) / 256
    // Four standard deviations of the mean; the mean square is within 35 % with room for chance.
    #expect(abs(bias / Double(trials)) < 4 * (variance / Double(trials)).squareRoot())
    #expect(error / Double(trials) < 1.35 * variance)
    if union <= 250 { #expect(error < 1.35 * bookError) }
  }

  @Test func bandsOfTenRowsAgreeAsOftenAsIndependentRows() {
    var generator = TestGenerator(state: 5)
    for (union, exact) in [(40, 0.8), (400, 0.9), (3_000, 0.8)] {
      let shared = Int(Double(union) * exact)
      var agreeing = 0
      for _ in 0..<400 {
        let elements = (0..<union).map { _ in generator.next() }
        let border = shared + (union - shared) / 2
        let left = SimilaritySketch.rows(256, of: elements[..<border])
        let right = SimilaritySketch.rows(256, of: Array(elements[..<shared] + elements[border...])[...])
        agreeing += (0..<25).count { left[$0 * 10..<$0 * 10 + 10] == right[$0 * 10..<$0 * 10 + 10] }
      }
      // Small sets: drawing without replacement makes ten equal rows rarer than J¹⁰, never more frequent.
      let share = Double(agreeing) / 10_000
      #expect(share < 1.15 * pow(exact, 10) && share > 0.6 * pow(exact, 10), "\(union): \(share)")
    }
  }

  @Test func estimatesTheSimilarityOfTexts() {
    var code = RandomCode(seed: 1)
    for renamed in [1, 3, 8, 20, 60] {
      let text = code.file(functions: 8)
      let copy = code.renaming(renamed, in: text)
      let exact = exactJaccard(text, copy)
      let estimate = Fingerprint(Array(text.utf8)).similarity(to: Fingerprint(Array(copy.utf8)))
      #expect(abs(estimate - exact) < 5 * (exact * (1 - exact) / 256).squareRoot() + 0.01)
    }
  }

  @Test func formattingDoesNotCount() {
    let text = "int main(int argc, char **argv) {\n\treturn run(argc, argv);\n}\n"
    let other = "  int main(int argc, char **argv)\r\n{ return run(argc,   argv); }"
    let spaced = text.replacing(" ", with: "   ").replacing("\t", with: "    ")
    let (one, two, three) = (
      Fingerprint(Array(text.utf8)), Fingerprint(Array(other.utf8)), Fingerprint(Array(spaced.utf8))
    )
    #expect(one.textHash == three.textHash)
    #expect(one.textHash == two.textHash)
    #expect(one.similarity(to: two) == 1)
    let moved = Fingerprint(Array(text.replacing("(argc,", with: "( argc ,").utf8))
    #expect(one.textHash != moved.textHash)
    #expect(one.similarity(to: moved) == 1)
  }

  @Test(arguments: ["", " \n\t", "one two three four", "()[]{}", "ein-zwei äöü"])
  func shortTextsAreComparedExactlyOnly(text: String) {
    let fingerprint = Fingerprint(Array(text.utf8))
    #expect(fingerprint.isExactOnly)
    #expect(fingerprint.similarity(to: Fingerprint(Array((text + "  ").utf8))) == 1)
    #expect(fingerprint.similarity(to: Fingerprint(Array((text + "x").utf8))) == 0)
    #expect(fingerprint.bytes.count == 16)
  }

  @Test func survivesStorage() throws {
    for text in ["too short", RandomCode(seed: 2).withFile] {
      let fingerprint = Fingerprint(Array(text.utf8))
      #expect(Fingerprint(bytes: fingerprint.bytes) == fingerprint)
      let json = try JSONEncoder().encode([fingerprint])
      #expect(try JSONDecoder().decode([Fingerprint].self, from: json) == [fingerprint])
      #expect(fingerprint.bytes.count <= 528)
    }
    for count in [0, 15, 17, 400, 527, 529, 100_000] {
      #expect(Fingerprint(bytes: [UInt8](repeating: 0, count: count)) == nil)
    }
    let damaged = try JSONEncoder().encode([Data(count: 100)])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([Fingerprint].self, from: damaged) }
  }

  @Test func anyBytesHaveAFingerprint() {
    var generator = TestGenerator(state: 9)
    for count in [1, 63, 64, 65, 4_096, 300_000] {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      #expect(Fingerprint(bytes) == Fingerprint(bytes))
    }
    // One word of a megabyte, a million words, and the same word again and again.
    #expect(Fingerprint([UInt8](repeating: 0x61, count: 1 << 20)).isExactOnly)
    #expect(!Fingerprint(Array(String(repeating: "a ", count: 1 << 20).utf8)).isExactOnly)
  }

  @Test func licenceNoticesDoNotCount() {
    let notice = "# " + (0..<90).map { "permission\($0)" }.joined(separator: " ") + "\n"
    func file(_ code: String, _ range: Range<Int>?) -> SourceFile {
      SourceFile(
        path: "a.py", language: "python", bytes: Array((notice + code).utf8),
        licence: range.map { SourceFile.LicenceNotice(range: $0, spdx: nil) })
    }
    let range = 0..<notice.utf8.count
    let (one, other) = ("import os, sys, re, json, time\n", "from a.b.c.d import e, f\n")
    #expect(Fingerprint(file(one, nil)).similarity(to: Fingerprint(file(other, nil))) > 0.8)
    #expect(Fingerprint(file(one, range)).similarity(to: Fingerprint(file(other, range))) < 0.1)
    #expect(Fingerprint(file(one, range)) == Fingerprint(Array(one.utf8)))
    // Offsets are those of the file; a range that leaves the file does no harm.
    #expect(Shingles(file(one, range)).starts.first == UInt32(range.upperBound))
    #expect(Fingerprint(file(one, 0..<10_000)).isExactOnly)
  }

  @Test func shinglesKnowWhereTheyStand() {
    let text = "aa bb(cc, dd) + ee; ff"
    let shingles = Shingles(Array(text.utf8))
    #expect(shingles.starts == [0, 3])
    #expect(shingles.ends == [18, 22])
    #expect(shingles.indices(in: 0..<22) == 0..<2)
    #expect(shingles.indices(in: 1..<22) == 1..<2)
    #expect(shingles.indices(in: 0..<18) == 0..<1)
    #expect(shingles.indices(in: 4..<19).isEmpty)
    #expect(shingles.hashes[1] == Shingles(Array("bb cc dd ee ff".utf8)).hashes[0])
  }
}

extension RandomCode {
  fileprivate var withFile: String {
    var copy = self
    return copy.file(functions: 5)
  }
}

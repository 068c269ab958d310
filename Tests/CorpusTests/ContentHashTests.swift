import Foundation
import Testing

@testable import Corpus

@Suite struct ContentHashTests {
  @Test func isTheSHA256OfTheBytes() {
    #expect(
      ContentHash(Array("abc".utf8)).hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    #expect(ContentHash([]).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test func hashesAreOrderedAsTheirTexts() {
    let hashes = (0..<2_000).map { ContentHash(Array("file \($0)".utf8)) }
    #expect(hashes.sorted().map(\.hex) == hashes.map(\.hex).sorted())
  }

  @Test(arguments: [1, 2, 3, 7, 16, 1_000])
  func everyHashIsInOneShardAndShardsFollowEachOther(count: Int) {
    var hashes = (0..<500).map { ContentHash(Array("file \($0)".utf8)) }
    hashes += ["0", "f", "8", "7f", "80"].compactMap {
      ContentHash(hex: $0 + String(repeating: $0 == "f" ? "f" : "0", count: 64 - $0.count))
    }
    #expect(hashes.count == 505)
    var last = 0
    for hash in hashes.sorted() {
      let found = (0..<count).filter { hash.isInShard(index: $0, of: count) }
      #expect(found.count == 1)
      #expect((found.first ?? 0) >= last)
      last = found.first ?? 0
    }
  }

  @Test func shardsBeginExactlyAtTheirFractions() throws {
    // A third of 2^64 is 5555555555555555.55…: the last hash below it and the first above it.
    let below = try #require(ContentHash(hex: "5555555555555555" + String(repeating: "f", count: 48)))
    let above = try #require(ContentHash(hex: "5555555555555556" + String(repeating: "0", count: 48)))
    #expect(below.isInShard(index: 0, of: 3) && !below.isInShard(index: 1, of: 3))
    #expect(above.isInShard(index: 1, of: 3) && !above.isInShard(index: 0, of: 3))
    #expect(below.isInShard(index: Int.max / 3, of: Int.max))
  }

  @Test func isTextInJSON() throws {
    let hash = ContentHash(Array("abc".utf8))
    let text = try JSONEncoder().encode([hash])
    #expect(String(decoding: text, as: UTF8.self) == "[\"\(hash.hex)\"]")
    #expect(try JSONDecoder().decode([ContentHash].self, from: text) == [hash])
  }

  @Test(arguments: [
    "", "abc", String(repeating: "g", count: 64), String(repeating: "é", count: 32),
    String(repeating: "0", count: 65),
  ])
  func refusesWhatIsNoHash(text: String) throws {
    #expect(ContentHash(hex: text) == nil)
    let json = try JSONEncoder().encode([text])
    #expect(throws: DecodingError.self) { try JSONDecoder().decode([ContentHash].self, from: json) }
  }
}

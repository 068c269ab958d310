import Foundation
import Numerics
import Testing

@testable import Weights

/// Blocks made and unpacked by the `gguf` package (scripts/fixtures/gguf_blocks.py).
@Suite("ggml blocks")
struct GGMLBlockTests {
  private static let path = URL(fileURLWithPath: #filePath + "/../../Fixtures/gguf/blocks.gguf").standardized
    .path

  @Test(arguments: BlockFormat.allCases.filter { $0.blockSize > 1 })
  func everyFormatIsUnpackedToTheBit(format: BlockFormat) throws {
    let file = try GGUFFile(path: Self.path)
    let name = format.rawValue.lowercased()
    let blocks = try file.require(name, shape: [2, 512])
    #expect(blocks.format == format)
    let expected = try file.require(name + ".expected", shape: [2, 512]).floats()
    #expect(blocks.floats() == expected)
    #expect(Set(expected).count > 200, "the fixture reaches many levels")
  }
}

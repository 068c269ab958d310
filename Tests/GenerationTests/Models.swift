import Foundation
import Gemma
import Numerics
import Tokenizer

@testable import Generation

/// What the tests of this room have in common: random models and the embedded base.
enum Models {
  /// The embedded base.
  static let basePath = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("models/gemfill-base/gemfill-base-q8_0.gguf").path

  /// A tiny shape with one global layer and a window far shorter than the test sequences.
  static func shape(vocabulary: Int = 160, layers: Int = 7, window: Int = 6) -> GemmaConfiguration {
    .shape(
      layers: layers, hidden: 64, intermediate: 96, headDim: 32, vocabulary: vocabulary, window: window)
  }

  /// Random ids below `below`.
  static func tokens(_ count: Int, below: Int = 160, _ random: inout SeededRandom) -> [Int32] {
    (0..<count).map { _ in Int32(random.next() % UInt64(below)) }
  }

  /// A text that repeats itself with small changes, as code does.
  static func repetitive(_ count: Int, below: Int = 160, _ random: inout SeededRandom) -> [Int32] {
    var text = tokens(8, below: below, &random)
    while text.count < count {
      if random.uniform() < 0.7 {
        let start = Int(random.next() % UInt64(text.count))
        text += text[start..<min(text.count, start + 6)]
      } else {
        text.append(contentsOf: tokens(1, below: below, &random))
      }
    }
    return Array(text.prefix(count))
  }

  /// A vocabulary for models that nobody reads the output of.
  static func tokenizer() throws -> Tokenizer {
    try Tokenizer(
      sentencePieceModel: URL(fileURLWithPath: basePath).deletingLastPathComponent().path + "/tokenizer.model"
    )
  }

  /// Rank 4 on every projection, with seeded random factors.
  static func adapter(_ shape: GemmaConfiguration, seed: UInt64) -> LoRAAdapter {
    var random = SeededRandom(seed: seed)
    var factors: [LoRAAdapter.Factors?] = []
    for layer in 0..<shape.layerCount {
      for projection in Projection.allCases {
        guard let size = shape.shape(projection, layer: layer) else {
          factors.append(nil)
          continue
        }
        factors.append(
          .init(
            rank: 4, scale: 1,
            a: FloatBuffer((0..<(4 * size.inputs)).map { _ in random.uniform(within: 0.1) }),
            b: FloatBuffer((0..<(size.outputs * 4)).map { _ in random.uniform(within: 0.3) })))
      }
    }
    return LoRAAdapter(factors: factors)
  }
}

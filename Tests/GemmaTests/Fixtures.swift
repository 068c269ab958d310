import Foundation
import Numerics
import Weights

@testable import Gemma

/// The small reference models of `Tests/Fixtures`, remade by `scripts/fixtures/make_fixtures.py`.
enum Fixture {
  static let families = ["gemma", "gemma2", "gemma3", "gemma3n", "gemma4_dense", "gemma4_e", "gemma4_moe"]

  static func path(_ family: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/\(family)").path
  }

  static func model(_ family: String, precision: WeightPrecision = .float32) throws -> GemmaModel {
    try GemmaModel.load(path: path(family), precision: precision)
  }

  /// A folder that is deleted with the value.
  final class Scratch {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
      .path

    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  /// Logits `[T, V]` of a fixed sequence longer than the windows.
  static func logits(_ model: GemmaModel, adapter: LoRAAdapter? = nil, chunk: Int = 256) throws -> [Float] {
    let ids: [Int32] = [2] + (0..<30).map { Int32(5 + $0 * 7 % 300) }
    let session = InferenceSession(model, capacity: 64, chunk: chunk)
    session.adapter = adapter
    return try withExtendedLifetime(session) {
      let count = ids.count * model.configuration.vocabularySize
      return Array(UnsafeBufferPointer(start: try session.append(ids, logits: .all), count: count))
    }
  }
}

/// The largest difference; infinite for lists of different lengths.
func worst(_ a: [Float], _ b: [Float]) -> Float {
  a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? .infinity : .infinity
}

import Foundation
import Numerics
import Testing
import Weights

@testable import Gemma

@Suite("Files of mixed formats")
struct MixedFormatTests {
  /// Random blocks with scales of ordinary size, in formats that are only read.
  private func blocks(_ name: String, _ shape: [Int], _ format: BlockFormat, _ random: inout SeededRandom)
    -> OutputTensor
  {
    let count = shape.reduce(1, *) / format.blockSize
    var bytes: [UInt8] = []
    for _ in 0..<count {
      var block = (0..<format.bytesPerBlock).map { _ in UInt8.random(in: 0...255, using: &random) }
      // The scale stands first, in Q6_K last; a following least value is made 0.
      let scale = Float16(format == .q6_K ? 3e-5 : format == .q4_K || format == .q5_K ? 1e-4 : 0.006)
      let place = format == .q6_K ? 208 : 0
      (block[place], block[place + 1]) = (UInt8(scale.bitPattern & 255), UInt8(scale.bitPattern >> 8))
      if format != .q6_K && format != .q5_0 { (block[2], block[3]) = (0, 0) }
      bytes += block
    }
    return OutputTensor(name: name, format: format, shape: shape, bytes: bytes)
  }

  private func logits(_ path: String, _ precision: WeightPrecision) throws -> [Float] {
    let model = try GemmaModel.load(path: path, precision: precision)
    let session = InferenceSession(model, capacity: 8)
    return try withExtendedLifetime(session) {
      Array(
        UnsafeBufferPointer(
          start: try session.append([2, 40, 300, 17], logits: .last),
          count: model.configuration.vocabularySize))
    }
  }

  /// Google's 4-bit files hold the embedding as Q6_K or F16; other people's mix everything.
  @Test(arguments: [BlockFormat.q6_K, .q5_K, .q4_K, .q5_1, .q5_0, .q4_1])
  func everyFormatRuns(format: BlockFormat) throws {
    let configuration = GemmaConfiguration.shape(
      layers: 2, hidden: 256, intermediate: 512, headDim: 64, vocabulary: 512)
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).gguf").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var file = GGUFWriter(architecture: "gemma3")
    for (key, value) in try configuration.ggufMetadata() { file[key] = value }
    var random = SeededRandom(seed: 3)
    for tensor in configuration.tensors {
      let name = GGUFNames().name(tensor.role)
      let count = tensor.shape.reduce(1, *)
      if tensor.role == .embedding || name.contains("ffn_up") {
        file.append(blocks(name, tensor.shape, format, &random))
      } else {
        let floats = (0..<count).map { _ in random.uniform(within: 0.1) + (tensor.shape.count == 1 ? 1 : 0) }
        file.append(
          OutputTensor(
            name: name, shape: tensor.shape, floats: floats, format: tensor.shape.count == 1 ? .f32 : .q8_0))
      }
    }
    try file.write(to: path)
    let exact = try logits(path, .float32)
    let native = try logits(path, .native)
    let largest = exact.map(abs).max() ?? 0
    let difference = zip(exact, native).map { abs($0 - $1) }.max() ?? .infinity
    #expect(largest > 0.05 && difference < 0.05 * largest, "\(difference) of \(largest)")
    let notes = try GemmaModel.load(path: path).notes
    #expect(notes.count == 1 && notes[0].contains("3 matrices stored as \(format.rawValue)"), "\(notes)")
  }
}

import Foundation
import Numerics
import Testing
import Weights

@testable import Gemma

/// A tiny model whose window (6) is shorter than the test sequences.
private let shape = GemmaConfiguration.shape(
  layers: 7, hidden: 64, intermediate: 96, headDim: 32, vocabulary: 160, window: 6)

private func tokens(_ count: Int, seed: UInt64 = 1) -> [Int32] {
  var random = SeededRandom(seed: seed)
  return (0..<count).map { _ in Int32(random.next() % 160) }
}

private func logits(_ session: InferenceSession, _ tokens: [Int32]) throws -> [Float] {
  let pointer = try session.append(tokens, logits: .last)
  return withExtendedLifetime(session) { Array(UnsafeBufferPointer(start: pointer, count: 160)) }
}

@Suite struct InferenceSessionTests {
  @Test(arguments: [WeightPrecision.float32, .q8_0, .q4_0])
  func tokensOneByOneEqualOnePass(precision: WeightPrecision) throws {
    let model = try GemmaModel.random(shape, precision: precision)
    let ids = tokens(40)
    let whole = try logits(InferenceSession(model, capacity: 64), ids)
    let session = InferenceSession(model, capacity: 64, chunk: 5)
    var last: [Float] = []
    for id in ids { last = try logits(session, [id]) }
    #expect(worst(whole, last) < 2e-3)
    #expect(worst(whole, try logits(InferenceSession(model, capacity: 64, chunk: 7), ids)) < 2e-3)
  }

  @Test func cuttingBackAndGoingOnEqualsAFreshSequence() throws {
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let session = InferenceSession(model, capacity: 64)
    _ = try logits(session, tokens(40, seed: 1))
    session.cache.truncate(to: 23)
    let continued = try logits(session, tokens(9, seed: 2))
    let fresh = try logits(
      InferenceSession(model, capacity: 64), Array(tokens(40, seed: 1).prefix(23)) + tokens(9, seed: 2))
    #expect(worst(continued, fresh) < 2e-3)
  }

  @Test func allLogitsHoldTheLastOnes() throws {
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let ids = tokens(20)
    let session = InferenceSession(model, capacity: 64, chunk: 6)
    let all = try session.append(ids, logits: .all)
    // The logits belong to the session.
    let last = withExtendedLifetime(session) { Array(UnsafeBufferPointer(start: all + 19 * 160, count: 160)) }
    #expect(worst(last, try logits(InferenceSession(model, capacity: 64), ids)) < 2e-3)
  }

  @Test func eightBitWeightsStayCloseToTheirFloats() throws {
    let exact = try logits(
      InferenceSession(GemmaModel.random(shape, precision: .float32), capacity: 64), tokens(30))
    let eight = try logits(
      InferenceSession(GemmaModel.random(shape, precision: .q8_0), capacity: 64), tokens(30))
    let four = try logits(
      InferenceSession(GemmaModel.random(shape, precision: .q4_0), capacity: 64), tokens(30))
    let norm = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
    func relative(_ other: [Float]) -> Float {
      zip(exact, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() / norm
    }
    #expect(relative(eight) < 0.05)
    #expect(relative(four) < 0.6)
    #expect(relative(four) > relative(eight))
  }

  @Test func aSequenceBeyondTheContextIsRefusedAndNothingIsLost() throws {
    let model = try GemmaModel.random(shape, precision: .q8_0)
    let session = InferenceSession(model, capacity: 16)
    _ = try logits(session, tokens(10))
    #expect(throws: GemmaError.self) { try session.append(tokens(7), logits: .last) }
    #expect(throws: GemmaError.self) { try session.append([160], logits: .last) }
    #expect(throws: GemmaError.self) { try session.append([-1], logits: .last) }
    #expect(session.cache.count == 10)
    let continued = try logits(session, tokens(3, seed: 9))
    let fresh = try logits(InferenceSession(model, capacity: 16), tokens(10) + tokens(3, seed: 9))
    #expect(worst(continued, fresh) < 2e-3)
  }

  @Test func anAdapterWithZeroBChangesNothingAndAnotherDoes() throws {
    let model = try GemmaModel.random(shape, precision: .q8_0)
    func adapter(b: Float) -> LoRAAdapter {
      var factors: [LoRAAdapter.Factors?] = []
      for layer in shape.layers {
        for projection in Projection.allCases {
          guard let size = layer.shape(projection, hiddenSize: shape.hiddenSize) else { continue }
          factors.append(
            .init(
              rank: 4, scale: 2, a: FloatBuffer([Float](repeating: 0.05, count: 4 * size.inputs)),
              b: FloatBuffer([Float](repeating: b, count: size.outputs * 4))))
        }
      }
      return LoRAAdapter(factors: factors)
    }
    let bare = try logits(InferenceSession(model, capacity: 64), tokens(12))
    let session = InferenceSession(model, capacity: 64)
    session.adapter = adapter(b: 0)
    #expect(try logits(session, tokens(12)) == bare)
    session.cache.truncate(to: 0)
    session.adapter = adapter(b: 0.05)
    #expect(worst(try logits(session, tokens(12)), bare) > 1e-2)
  }
}

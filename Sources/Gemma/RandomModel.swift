import Numerics
import Weights

extension GemmaConfiguration {
  /// Shapes with which engines are compared; random weights are as fast as real ones.
  public static let comparisonShapes: [String: GemmaConfiguration] = [
    "small26m": .shape(layers: 8, hidden: 512, intermediate: 1_024, headDim: 128, vocabulary: 16_384),
    "small39m": .shape(layers: 8, hidden: 512, intermediate: 2_048, headDim: 128, vocabulary: 16_384),
    "gemma3-270m": .shape(layers: 18, hidden: 640, intermediate: 2_048, headDim: 256, vocabulary: 262_144),
    "gemma3-1b": .shape(layers: 26, hidden: 1_152, intermediate: 6_912, headDim: 256, vocabulary: 262_144),
    "codegemma-2b": GemmaConfiguration(
      generation: .gemma, hiddenSize: 2_048, vocabularySize: 256_000, maxPositions: 8_192,
      layers: Array(
        repeating: LayerDescription(
          headCount: 8, keyValueHeadCount: 1, headDim: 256, intermediateSize: 16_384, attentionScale: 1 / 16,
          rotary: .init(base: 1e4)), count: 18)),
  ]

  /// Gemma 3's pattern (five sliding layers, one global) with 4 query heads on 1 key/value head.
  public static func shape(
    layers: Int, hidden: Int, intermediate: Int, headDim: Int, vocabulary: Int, window: Int = 512
  ) -> GemmaConfiguration {
    GemmaConfiguration(
      generation: .gemma3, hiddenSize: hidden, vocabularySize: vocabulary, maxPositions: 32_768,
      layers: (1...layers).map { number in
        let isGlobal = number % 6 == 0
        var layer = LayerDescription(
          headCount: 4, keyValueHeadCount: 1, headDim: headDim, intermediateSize: intermediate,
          attentionScale: 1 / Float(headDim).squareRoot(), rotary: .init(base: isGlobal ? 1e6 : 1e4))
        layer.window = isGlobal ? nil : window
        layer.normsQueriesAndKeys = true
        layer.hasOutputNorms = true
        return layer
      })
  }
}

extension GemmaModel {
  /// A model with seeded random weights, for tests and benchmarks: the same numbers in every precision, before rounding.
  public static func random(
    _ configuration: GemmaConfiguration, precision: WeightPrecision, seed: UInt64 = 1
  ) throws(GemmaError) -> GemmaModel {
    let format: BlockFormat =
      switch precision {
      case .native, .float32: .f32
      case .q8_0: .q8_0
      case .q4_0: .q4_0
      }
    return try GemmaModel(
      configuration, RandomTensors(configuration, format: format, seed: seed), names: GGUFNames(),
      precision: precision)
  }
}

/// Makes each tensor when it is asked for: matrices of variance 1/inputs, norm gains near 1.
///
/// Matrices are made and rounded part by part on all threads, each part from a seed of its own, so that neither the number
/// of threads nor the format changes the numbers.
private struct RandomTensors: TensorSource {
  private let expected: [String: ModelTensor]
  private let format: BlockFormat
  private let seed: UInt64
  var path: String { "random weights" }
  var tensorNames: [String] { expected.keys.sorted() }

  init(_ configuration: GemmaConfiguration, format: BlockFormat, seed: UInt64) {
    let names = GGUFNames()
    expected = Dictionary(uniqueKeysWithValues: configuration.tensors.map { (names.name($0.role), $0) })
    self.format = format
    self.seed = seed
  }

  func unreadableFormat(of name: String) -> String? { nil }

  func tensor(_ name: String) -> Tensor? {
    guard let model = expected[name], let width = model.shape.last else { return nil }
    let seed = name.utf8.reduce(seed) { $0 &* 31 &+ UInt64($1) }
    let count = model.shape.reduce(1, *)
    switch model.kind {
    case .norm, .coefficients:
      var random = SeededRandom(seed: seed)
      let floats = (0..<count).map { _ in
        model.shape.count == 1 ? 1 + random.uniform(within: 0.2) : random.uniform(within: 0.5)
      }
      return Tensor(name: name, shape: model.shape, floats: floats)
    case .matrix, .table:
      let format = width % format.blockSize == 0 ? format : .f32
      let bytes = bytes(count, within: (3 / Float(width)).squareRoot(), format, seed: seed)
      return Tensor(OutputTensor(name: name, format: format, shape: model.shape, bytes: bytes))
    }
  }

  private static let partSize = 1 << 16

  private func bytes(_ count: Int, within bound: Float, _ format: BlockFormat, seed: UInt64) -> [UInt8] {
    let partBytes = Self.partSize / format.blockSize * format.bytesPerBlock
    let total = count / format.blockSize * format.bytesPerBlock
    return [UInt8](unsafeUninitializedCapacity: total) { buffer, initialized in
      let target = UnsafeMutableRawBufferPointer(buffer)
      WorkerPool.shared.run((count + Self.partSize - 1) / Self.partSize) { part in
        let size = min(Self.partSize, count - part * Self.partSize)
        var random = SeededRandom(seed: seed ^ (UInt64(part) &* 0xD134_2543_DE82_EF95))
        let floats = FloatBuffer(size)
        // Two numbers of 24 bits out of each random word.
        let scale = bound * 0x1p-23
        for i in 0..<size / 2 {
          let word = random.next()
          floats.pointer[2 * i] = Float(Int32(truncatingIfNeeded: word >> 40) - 0x80_0000) * scale
          floats.pointer[2 * i + 1] =
            Float(Int32(truncatingIfNeeded: (word >> 8) & 0xFF_FFFF) - 0x80_0000) * scale
        }
        if size % 2 == 1 { floats.pointer[size - 1] = random.uniform(within: bound) }
        let place = UnsafeMutableRawBufferPointer(rebasing: target[(part * partBytes)...])
        Self.encode(floats, within: bound, format, into: place)
      }
      initialized = total
    }
  }

  /// Rounds evenly spread numbers with one scale for all blocks: a search for each block's best would take most of the time.
  private static func encode(
    _ floats: FloatBuffer, within bound: Float, _ format: BlockFormat,
    into target: UnsafeMutableRawBufferPointer
  ) {
    let levels: Float = format == .q8_0 ? 127 : 7.49
    let scale = Float16(bound / levels)
    // Added to a small number it leaves the nearest integer in the lowest bits.
    let magic: Float = 12_582_912
    let inverse = 1 / Float(scale)
    guard let target = target.baseAddress else { return }
    let blocks = floats.count / format.blockSize
    switch format {
    case .q8_0:
      for block in 0..<blocks {
        let place = target + block * 34
        place.storeBytes(of: scale.bitPattern.littleEndian, as: UInt16.self)
        let values = (place + 2).assumingMemoryBound(to: UInt8.self)
        let source = floats.pointer + block * 32
        for i in 0..<32 { values[i] = UInt8(truncatingIfNeeded: (source[i] * inverse + magic).bitPattern) }
      }
    case .q4_0:
      for block in 0..<blocks {
        let place = target + block * 18
        place.storeBytes(of: scale.bitPattern.littleEndian, as: UInt16.self)
        let values = (place + 2).assumingMemoryBound(to: UInt8.self)
        let source = floats.pointer + block * 32
        for i in 0..<16 {
          let low = UInt8(truncatingIfNeeded: (source[i] * inverse + magic).bitPattern) &+ 8
          let high = UInt8(truncatingIfNeeded: (source[i + 16] * inverse + magic).bitPattern) &+ 8
          values[i] = low & 15 | high << 4
        }
      }
    default:
      format.quantize(UnsafeBufferPointer(start: floats.pointer, count: floats.count)).withUnsafeBytes {
        if let source = $0.baseAddress { target.copyMemory(from: source, byteCount: $0.count) }
      }
    }
  }
}

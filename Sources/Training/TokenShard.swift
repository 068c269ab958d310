import Weights

/// What a set of token shards was made with; kept in the metadata of each file.
public struct TokenShardInfo: Sendable, Equatable {
  /// `Tokenizer.sha256` of the vocabulary.
  public var tokenizerSHA256: String
  /// The marks of the prompt parts (`FIMTokens.description`).
  public var marks: String
  /// Hash of the carving settings; empty where it is not known.
  public var carvingHash: String
  /// Share of the examples that carry snippets of other files, as the carver was told; 0 for none.
  public var contextShare: Double
  /// Which epoch of the carver this is.
  public var epoch: Int
  /// Seed of order, seam and weights.
  public var seed: UInt64
  /// Share of suffix-first prompts.
  public var suffixFirstShare: Double
  /// Loss weight of prefix, suffix and plain text.
  public var aroundWeight: Float
  /// Share of their tokens that carry it.
  public var aroundShare: Double
  /// Loss weight of the end token.
  public var endWeight: Float
  /// Longest sequence that was kept.
  public var maximumLength: Int

  static let format = "gemfill-tokens-2"

  /// Says what `encoder` does.
  public init(encoder: ExampleEncoder, epoch: Int = 0, carvingHash: String = "", contextShare: Double = 0) {
    let recipe = encoder.recipe
    tokenizerSHA256 = encoder.format.tokenizer.sha256
    marks = encoder.format.marks.description
    self.carvingHash = carvingHash
    self.contextShare = contextShare
    self.epoch = epoch
    seed = recipe.seed
    suffixFirstShare = recipe.suffixFirstShare
    aroundWeight = recipe.contextWeight
    aroundShare = recipe.contextShare
    endWeight = recipe.endWeight
    maximumLength = recipe.maximumLength
  }

  /// As strings, the only values that metadata may have.
  public var metadata: [String: String] {
    [
      "format": Self.format, "tokenizer_sha256": tokenizerSHA256, "marks": marks, "carving_hash": carvingHash,
      "context_share": "\(contextShare)", "epoch": "\(epoch)", "seed": "\(seed)",
      "suffix_first_share": "\(suffixFirstShare)", "around_weight": "\(aroundWeight)",
      "around_share": "\(aroundShare)", "end_weight": "\(endWeight)", "maximum_length": "\(maximumLength)",
    ]
  }

  init(_ metadata: [String: String], path: String) throws(TrainingError) {
    func value<T>(_ key: String, _ read: (String) -> T?) throws(TrainingError) -> T {
      guard let value = metadata[key].flatMap(read) else {
        throw .shard(path: path, problem: "its metadata has no usable '\(key)'")
      }
      return value
    }
    guard metadata["format"] == Self.format else {
      throw .shard(path: path, problem: "is no file of token sequences of this version")
    }
    tokenizerSHA256 = try value("tokenizer_sha256") { $0 }
    marks = try value("marks") { $0 }
    carvingHash = try value("carving_hash") { $0 }
    contextShare = try value("context_share", Double.init)
    epoch = try value("epoch") { Int($0) }
    seed = try value("seed") { UInt64($0) }
    suffixFirstShare = try value("suffix_first_share", Double.init)
    aroundWeight = try value("around_weight", Float.init)
    aroundShare = try value("around_share", Double.init)
    endWeight = try value("end_weight", Float.init)
    maximumLength = try value("maximum_length") { Int($0) }
  }
}

/// A safetensors file of token sequences, mapped into memory: `offsets` (I64, one more than there are sequences) says where each
/// sequence lies in `tokens` (I32) and `weights` (F32, the loss weight of predicting the token); `middle_start` (I32) is the
/// place of each hole's first token in its sequence (the sequence's length where it has no hole), `middle_bytes` (I32) the
/// hole's text in bytes.
public final class TokenShard: Sendable {
  /// Longest sequence that is read: a damaged file must not make a trainer allocate without end.
  static let longest = 1 << 13

  /// Where the file lies.
  public let path: String
  /// What it was made with.
  public let info: TokenShardInfo
  /// How many sequences it has.
  public let count: Int
  /// How many tokens it has.
  public let tokenCount: Int
  /// Tokens of the longest sequence.
  public let longestSequence: Int
  private let vocabularySize: Int
  private let tokens: ByteRegion
  private let weights: ByteRegion
  private let offsets: ByteRegion
  private let middleStarts: ByteRegion
  private let middleBytes: ByteRegion

  /// Maps the file and checks types, shapes and all offsets; ids and weights are checked when a sequence is read.
  ///
  /// - Throws: `WeightsError`, `TrainingError.shard`.
  public init(path: String, vocabularySize: Int) throws {
    let file = try SafetensorsFile(path: path)
    func row(_ name: String, _ type: String) throws -> (region: ByteRegion, count: Int) {
      guard let tensor = file.rawTensor(name) else {
        throw TrainingError.shard(path: path, problem: "has no tensor '\(name)'")
      }
      guard tensor.type == type, tensor.shape.count == 1 else {
        throw TrainingError.shard(
          path: path,
          problem: "'\(name)' is \(tensor.type) of shape \(tensor.shape), expected a row of \(type)")
      }
      return (tensor.region, tensor.shape[0])
    }
    info = try TokenShardInfo(file.metadata, path: path)
    let (tokens, tokenCount) = try row("tokens", "I32")
    let (weights, weightCount) = try row("weights", "F32")
    let (offsets, borderCount) = try row("offsets", "I64")
    let (middleStarts, startCount) = try row("middle_start", "I32")
    let (middleBytes, count) = try row("middle_bytes", "I32")
    guard weightCount == tokenCount, borderCount == count + 1, startCount == count else {
      throw TrainingError.shard(
        path: path,
        problem:
          "\(tokenCount) tokens with \(weightCount) weights, \(count) sequences with \(borderCount) offsets and \(startCount) starts of middles"
      )
    }
    longestSequence = try Self.check(offsets, tokenCount: tokenCount, path: path)
    self.path = path
    self.count = count
    self.tokenCount = tokenCount
    self.vocabularySize = vocabularySize
    (self.tokens, self.weights, self.offsets) = (tokens, weights, offsets)
    (self.middleStarts, self.middleBytes) = (middleStarts, middleBytes)
  }

  /// Checks that the offsets go from 0 to the end without going back; the longest step.
  private static func check(_ offsets: ByteRegion, tokenCount: Int, path: String) throws -> Int {
    try offsets.withBytes { bytes in
      var last: Int64 = 0
      var longest: Int64 = 0
      for index in 0..<(bytes.count / 8) {
        let offset = Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
        guard index > 0 || offset == 0, offset >= last, offset <= tokenCount else {
          throw TrainingError.shard(path: path, problem: "offset \(index) is \(offset), behind \(last)")
        }
        longest = max(longest, offset - last)
        last = offset
      }
      guard last == tokenCount else {
        throw TrainingError.shard(
          path: path, problem: "the last offset is \(last), there are \(tokenCount) tokens")
      }
      guard longest <= Self.longest else {
        throw TrainingError.shard(path: path, problem: "has a sequence of \(longest) tokens")
      }
      return Int(longest)
    }
  }

  /// One sequence.
  ///
  /// - Precondition: `0 ..< count` contains the index.
  /// - Throws: `TrainingError.shard` where an id is beyond the vocabulary, a weight is no weight or the middle begins outside.
  public func sequence(at index: Int) throws(TrainingError) -> TrainingSequence {
    precondition((0..<count).contains(index), "sequence \(index) of \(count)")
    let begin = Int(number(offsets, index, as: Int64.self))
    let size = Int(number(offsets, index + 1, as: Int64.self)) - begin
    let ids = numbers(tokens, begin, size, as: Int32.self)
    let weights = numbers(weights, begin, size, as: Float.self)
    let start = Int(number(middleStarts, index, as: Int32.self))
    let middle = number(middleBytes, index, as: Int32.self)
    guard ids.allSatisfy({ $0 >= 0 && Int($0) < vocabularySize }) else {
      throw .shard(
        path: path, problem: "sequence \(index) has an id beyond the \(vocabularySize) of the vocabulary")
    }
    guard weights.allSatisfy({ $0 >= 0 && $0 <= 1_000 }), weights.first ?? 0 == 0, middle >= 0 else {
      throw .shard(path: path, problem: "sequence \(index) has loss weights that mean nothing")
    }
    guard (0...size).contains(start) else {
      throw .shard(
        path: path, problem: "the middle of sequence \(index) begins at token \(start) of \(size)")
    }
    return TrainingSequence(
      tokens: ids, weights: weights, middleStart: start, middleBytes: Int(middle), endToken: ids.last)
  }

  private func number<T: BitwiseCopyable>(_ region: ByteRegion, _ index: Int, as _: T.Type) -> T {
    region.withBytes { $0.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self) }
  }

  private func numbers<T: BitwiseCopyable>(_ region: ByteRegion, _ begin: Int, _ count: Int, as _: T.Type)
    -> [T]
  {
    region.withBytes { bytes in
      [T](unsafeUninitializedCapacity: count) { target, initialized in
        let size = MemoryLayout<T>.size
        let part = UnsafeRawBufferPointer(rebasing: bytes[(begin * size)..<((begin + count) * size)])
        UnsafeMutableRawBufferPointer(target).copyMemory(from: part)
        initialized = count
      }
    }
  }
}

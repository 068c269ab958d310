import Foundation
import Generation
import Weights

/// All shards of a dataset as one source of sequences, for a trainer. Every epoch has the same sequences in another order.
public struct TokenShardSet: SequenceSource, Sendable {
  /// How the name of a file of sequences ends.
  static let suffix = ".safetensors"
  /// How the name of an index ends.
  public static let indexSuffix = ".safetensors.index.json"

  /// `NAME` of `NAME.safetensors` and its index.
  static func base(of path: String) -> String {
    for suffix in [indexSuffix, suffix] where path.hasSuffix(suffix) {
      return String(path.dropLast(suffix.count))
    }
    return path
  }

  /// The files.
  public let shards: [TokenShard]
  /// What they were made with; the same for all.
  public let info: TokenShardInfo
  /// Sequences of all.
  public let count: Int
  /// First number of each shard's sequences.
  private let starts: [Int]

  /// Whether `path` names an index or a shard.
  public static func isShards(_ path: String) -> Bool {
    path.hasSuffix(indexSuffix) || path.hasSuffix(suffix)
  }

  /// What the shards at `path` were made with, whatever the vocabulary.
  ///
  /// - Throws: `WeightsError`, `TrainingError.shard`.
  public static func info(path: String) throws -> TokenShardInfo {
    guard let first = try files(at: path).first?.path else {
      throw TrainingError.shard(path: path, problem: "lists no shards")
    }
    return try TokenShardInfo(SafetensorsFile(path: first).metadata, path: first)
  }

  /// The file that stands for the set: the one at `path` or, where there is none, the index beside it; nil for neither.
  public static func file(at path: String) -> String? {
    [path, base(of: path) + indexSuffix].first(where: MappedFile.exists)
  }

  /// The file at `path`, or those that the index there or beside it lists.
  private static func files(at path: String) throws -> [(path: String, sequences: Int?, tokens: Int?)] {
    let file = file(at: path) ?? path
    return file.hasSuffix(indexSuffix) ? try files(index: file) : [(file, nil, nil)]
  }

  /// Maps the file at `path`, or the files that the index there or beside it lists.
  ///
  /// - Throws: `WeightsError`; `TrainingError.shard` where a file is damaged or missing, was made with another vocabulary
  ///   than `format`, or with other marks.
  public init(path: String, format: PromptFormat) throws {
    let size = format.tokenizer.vocabularySize
    var shards: [TokenShard] = []
    for (file, sequences, tokens) in try Self.files(at: path) {
      let shard = try TokenShard(path: file, vocabularySize: size)
      guard shard.count == sequences ?? shard.count, shard.tokenCount == tokens ?? shard.tokenCount else {
        throw TrainingError.shard(path: file, problem: "is not the file that \(path) lists")
      }
      guard shard.info == shards.first?.info ?? shard.info else {
        throw TrainingError.shard(
          path: file, problem: "was made with other settings than the shards before it")
      }
      shards.append(shard)
    }
    guard let info = shards.first?.info else {
      throw TrainingError.shard(path: path, problem: "lists no shards")
    }
    guard info.tokenizerSHA256 == format.tokenizer.sha256 else {
      throw TrainingError.shard(path: path, problem: "was made with another vocabulary than that of the base")
    }
    guard info.marks == format.marks.description else {
      throw TrainingError.shard(
        path: path, problem: "was made with the marks \(info.marks), the base has \(format.marks)")
    }
    self.shards = shards
    self.info = info
    var starts: [Int] = []
    var count = 0
    for shard in shards {
      starts.append(count)
      count += shard.count
    }
    self.starts = starts
    self.count = count
  }

  /// Longest index that is read.
  private static let longestIndex = 16 << 20

  static func files(index path: String) throws -> [(path: String, sequences: Int?, tokens: Int?)] {
    // Mapped first: what is no regular file, or too large, is refused before a byte of it is read.
    let file = try MappedFile(path: path)
    guard file.byteCount <= longestIndex else {
      throw TrainingError.shard(
        path: path, problem: "has \(file.byteCount) bytes, more than an index of token shards may have")
    }
    guard let json = try? JSONValue(parsing: file.withBytes { [UInt8]($0) }) else {
      throw TrainingError.shard(path: path, problem: "is no readable index of token shards")
    }
    guard json["format"]?.stringValue == TokenShardInfo.format, let shards = json["shards"]?.arrayValue else {
      throw TrainingError.shard(path: path, problem: "is no index of token shards")
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    return try shards.map { shard in
      guard let name = shard["file"]?.stringValue, !name.contains("/"), !name.contains("\0"),
        let sequences = shard["sequences"]?.intValue, let tokens = shard["tokens"]?.intValue
      else {
        throw TrainingError.shard(path: path, problem: "has an entry without file, sequences and tokens")
      }
      return (folder + "/" + name, sequences, tokens)
    }
  }

  /// Up to `limit` sequences with holes, evenly taken, with loss on the middle and the end token only: for a held-out loss.
  ///
  /// - Throws: as `TokenShard.sequence`.
  public func holes(limit: Int) throws -> [TrainingSequence] {
    var holes: [TrainingSequence] = []
    let step = max(1, count / max(1, limit))
    for index in stride(from: 0, to: count, by: step) where holes.count < limit {
      guard var hole = try sequence(at: index), hole.middleBytes > 0 else { continue }
      for index in 0..<hole.middleStart { hole.weights[index] = 0 }
      holes.append(hole)
    }
    return holes
  }

  /// Tokens of the longest sequence.
  public var longestSequence: Int { shards.map(\.longestSequence).max() ?? 0 }

  /// Tokens of all sequences.
  public var tokenCount: Int { shards.reduce(0) { $0 + $1.tokenCount } }

  /// All epochs are alike.
  public mutating func open(epoch: Int) -> Int { count }

  /// - Throws: as `TokenShard.sequence`.
  public func sequence(at index: Int) throws -> TrainingSequence? {
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return try shards[low].sequence(at: index - starts[low])
  }
}

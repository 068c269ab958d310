import Carving
import Foundation
import Numerics
import Weights

/// Writes examples as token shards, named as models are: `NAME.safetensors` where one file holds them, else
/// `NAME-00001-of-00003.safetensors` and so on with `NAME.safetensors.index.json`, which lists them.
///
/// A shard is kept in memory until it is full and written beside its place. The files get their names at `finish`, the
/// index last: without an index the set is not whole. What a writer leaves unfinished is removed with it.
public final class TokenShardWriter: ExampleSink {
  /// Bytes of a shard, unless a writer is told otherwise.
  public static let usualShardBytes = 64 << 20

  private struct Written {
    var path: String
    var sequences: Int
    var tokens: Int
  }

  private let base: String
  private let encoder: ExampleEncoder
  private let info: TokenShardInfo
  private let shardBytes: Int
  private let stamp = "\(getpid())-\(UInt32.random(in: .min ... .max))"
  // What follows is only touched by `append` and `finish`, which come one at a time.
  nonisolated(unsafe) private var tokens: [Int32] = []
  nonisolated(unsafe) private var weights: [Float] = []
  nonisolated(unsafe) private var offsets: [Int64] = [0]
  nonisolated(unsafe) private var middleBytes: [Int32] = []
  nonisolated(unsafe) private var written: [Written] = []
  nonisolated(unsafe) private var isFinished = false
  /// Examples that were left out, as too long or without loss.
  nonisolated(unsafe) public private(set) var leftOut = 0

  /// Prepares to write; `path` is `NAME.safetensors`, the index, or `NAME`.
  public init(
    path: String, encoder: ExampleEncoder, info: TokenShardInfo,
    shardBytes: Int = TokenShardWriter.usualShardBytes
  ) {
    base = TokenShardSet.base(of: path)
    self.encoder = encoder
    self.info = info
    self.shardBytes = max(1, shardBytes)
  }

  deinit {
    if !isFinished { for one in written { unlink(one.path) } }
  }

  /// The tokens and weights of an example as bytes, behind the size of its middle; nothing where it is left out.
  public func prepare(_ example: FIMExample) -> [UInt8] {
    var random = encoder.random(for: example, epoch: info.epoch)
    guard let sequence = encoder.sequence(example, random: &random) else { return [] }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 + sequence.tokens.count * 8)
    withUnsafeBytes(of: Int32(clamping: sequence.middleBytes)) { bytes.append(contentsOf: $0) }
    sequence.tokens.withUnsafeBytes { bytes.append(contentsOf: $0) }
    sequence.weights.withUnsafeBytes { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Adds what `prepare` made.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func append(_ prepared: [UInt8], of example: FIMExample) throws {
    guard prepared.count >= 12 else {
      leftOut += 1
      return
    }
    let count = (prepared.count - 4) / 8
    let bytes = (tokens.count + count) * 8 + (offsets.count + 1) * 12
    if bytes > shardBytes, !middleBytes.isEmpty { try writeShard() }
    prepared.withUnsafeBytes { bytes in
      middleBytes.append(bytes.loadUnaligned(as: Int32.self))
      for index in 0..<count {
        tokens.append(bytes.loadUnaligned(fromByteOffset: 4 + index * 4, as: Int32.self))
      }
      for index in 0..<count {
        weights.append(bytes.loadUnaligned(fromByteOffset: 4 + (count + index) * 4, as: Float.self))
      }
    }
    offsets.append(Int64(tokens.count))
  }

  /// Gives the files their names; nothing may be appended afterwards.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func finish() throws {
    precondition(!isFinished, "finished twice")
    if !middleBytes.isEmpty || written.isEmpty { try writeShard() }
    let index = base + TokenShardSet.indexSuffix
    if written.count == 1 {
      try name(0, base + TokenShardSet.suffix)
      // One of an earlier, larger set.
      unlink(index)
    } else {
      var files: [JSONValue] = []
      for (number, one) in written.enumerated() {
        let path = base + String(format: "-%05d-of-%05d", number + 1, written.count) + TokenShardSet.suffix
        try name(number, path)
        files.append([
          "file": .string(URL(fileURLWithPath: path).lastPathComponent), "sequences": .int(one.sequences),
          "tokens": .int(one.tokens),
        ])
      }
      let metadata = info.metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
      let list: JSONValue = [
        "format": .string(TokenShardInfo.format), "metadata": .object(JSONObject(metadata)),
        "shards": .array(files),
      ]
      try AtomicFile.write(list.serialized(pretty: true), to: index)
    }
    isFinished = true
  }

  private func name(_ number: Int, _ path: String) throws {
    guard rename(written[number].path, path) == 0 else {
      throw WeightsError.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    written[number].path = path
  }

  private func writeShard() throws {
    let path = "\(base)-\(String(format: "%05d", written.count + 1)).\(stamp).part"
    try SafetensorsFile.write(
      [
        RawTensor(name: "offsets", type: "I64", offsets), RawTensor(name: "tokens", type: "I32", tokens),
        RawTensor(name: "weights", type: "F32", weights),
        RawTensor(name: "middle_bytes", type: "I32", middleBytes),
      ], metadata: info.metadata, to: path)
    written.append(Written(path: path, sequences: middleBytes.count, tokens: tokens.count))
    tokens.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    offsets = [0]
    middleBytes.removeAll(keepingCapacity: true)
  }
}

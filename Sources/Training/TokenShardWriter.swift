import Carving
import Foundation
import Numerics
import Weights

/// Writes examples as token shards: `NAME-00001-of-00003.safetensors` and so on, and `NAME.index.json` that lists them.
///
/// A shard is kept in memory until it is full and written beside its place. The files get their names at `finish`, the
/// index last: without an index the set is not whole. What a writer leaves unfinished is removed with it.
public final class TokenShardWriter {
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
  private var tokens: [Int32] = []
  private var weights: [Float] = []
  private var offsets: [Int64] = [0]
  private var middleBytes: [Int32] = []
  private var written: [Written] = []
  private var isFinished = false
  /// Examples that were left out, as too long or without loss.
  public private(set) var leftOut = 0

  /// Prepares to write; `path` is the index (`….index.json`), or what the names of all files begin with.
  public init(
    path: String, encoder: ExampleEncoder, info: TokenShardInfo,
    shardBytes: Int = TokenShardWriter.usualShardBytes
  ) {
    base =
      path.hasSuffix(TokenShardSet.indexSuffix)
      ? String(path.dropLast(TokenShardSet.indexSuffix.count)) : path
    self.encoder = encoder
    self.info = info
    self.shardBytes = max(1, shardBytes)
  }

  deinit {
    if !isFinished { for one in written { unlink(one.path) } }
  }

  /// Encodes an example and adds it.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func append(_ example: FIMExample) throws {
    var random = encoder.random(for: example, epoch: info.epoch)
    guard let sequence = encoder.sequence(example, random: &random) else {
      leftOut += 1
      return
    }
    let bytes = (tokens.count + sequence.tokens.count) * 8 + (offsets.count + 1) * 12
    if bytes > shardBytes, !middleBytes.isEmpty { try writeShard() }
    tokens += sequence.tokens
    weights += sequence.weights
    offsets.append(Int64(tokens.count))
    middleBytes.append(Int32(clamping: sequence.middleBytes))
  }

  /// Gives the files their names; nothing may be appended afterwards.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func finish() throws {
    precondition(!isFinished, "finished twice")
    if !middleBytes.isEmpty || written.isEmpty { try writeShard() }
    var files: [JSONValue] = []
    for (index, one) in written.enumerated() {
      let path = base + String(format: "-%05d-of-%05d.safetensors", index + 1, written.count)
      guard rename(one.path, path) == 0 else {
        throw WeightsError.unwritable(path: path, reason: String(cString: strerror(errno)))
      }
      written[index].path = path
      files.append([
        "file": .string(URL(fileURLWithPath: path).lastPathComponent), "sequences": .int(one.sequences),
        "tokens": .int(one.tokens),
      ])
    }
    let metadata = JSONObject(
      info.metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) })
    let index: JSONValue = [
      "format": .string(TokenShardInfo.format), "metadata": .object(metadata), "shards": .array(files),
    ]
    try AtomicFile.write(index.serialized(pretty: true), to: base + TokenShardSet.indexSuffix)
    isFinished = true
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

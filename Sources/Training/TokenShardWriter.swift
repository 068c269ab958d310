import Carving
import Foundation
import Numerics
import Weights

/// Writes examples as token shards, named as models are: `NAME.safetensors` where one file holds them, else
/// `NAME-00001-of-00003.safetensors` and so on with `NAME.safetensors.index.json`, which lists them.
///
/// A shard is kept in memory until it is full and written beside its place. The files get their names at `finish`, the
/// index last: without an index the set is not whole. An earlier set of that name goes before several new shards take its
/// place, so that no file of the one is ever read with a file of the other. What a writer leaves unfinished is removed with it.
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
  // What follows is only touched by `append`, `seal` and `finish`, which come one at a time.
  nonisolated(unsafe) private var tokens: [Int32] = []
  nonisolated(unsafe) private var weights: [Float] = []
  nonisolated(unsafe) private var offsets: [Int64] = [0]
  nonisolated(unsafe) private var middleStarts: [Int32] = []
  nonisolated(unsafe) private var middleBytes: [Int32] = []
  nonisolated(unsafe) private var written: [Written] = []
  nonisolated(unsafe) private var index: AtomicFile?
  nonisolated(unsafe) private var isFinished = false

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

  /// The tokens and weights of an example as bytes, behind start and size of its middle; nil where it is longer than
  /// the recipe allows or carries no loss.
  public func prepare(_ example: FIMExample) -> [UInt8]? {
    var random = encoder.random(for: example, epoch: info.epoch)
    return encoder.sequence(example, random: &random).map(Self.bytes)
  }

  /// Adds a sequence as it is.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func append(_ sequence: TrainingSequence) throws {
    guard !sequence.tokens.isEmpty else { return }
    try append(Self.bytes(sequence))
  }

  private static func bytes(_ sequence: TrainingSequence) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(headBytes + sequence.tokens.count * 8)
    for number in [sequence.middleStart, sequence.middleBytes] {
      withUnsafeBytes(of: Int32(clamping: number)) { bytes.append(contentsOf: $0) }
    }
    sequence.tokens.withUnsafeBytes { bytes.append(contentsOf: $0) }
    sequence.weights.withUnsafeBytes { bytes.append(contentsOf: $0) }
    return bytes
  }

  /// Adds what `prepare` made.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func append(_ prepared: [UInt8], of example: FIMExample) throws {
    try append(prepared)
  }

  private func append(_ prepared: [UInt8]) throws {
    precondition(prepared.count >= Self.headBytes + 8, "not what `prepare` makes")
    let count = (prepared.count - Self.headBytes) / 8
    let bytes = (tokens.count + count) * 8 + (offsets.count + 1) * 16
    if bytes > shardBytes, !middleBytes.isEmpty { try writeShard() }
    prepared.withUnsafeBytes { bytes in
      middleStarts.append(bytes.loadUnaligned(as: Int32.self))
      middleBytes.append(bytes.loadUnaligned(fromByteOffset: 4, as: Int32.self))
      for index in 0..<count {
        tokens.append(bytes.loadUnaligned(fromByteOffset: Self.headBytes + index * 4, as: Int32.self))
      }
      for index in 0..<count {
        weights.append(
          bytes.loadUnaligned(fromByteOffset: Self.headBytes + (count + index) * 4, as: Float.self))
      }
    }
    offsets.append(Int64(tokens.count))
  }

  /// Bytes of a prepared example before its tokens.
  private static let headBytes = 8

  /// Writes the last shard and the index, under other names; nothing may be appended afterwards.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func seal() throws {
    if !middleBytes.isEmpty || written.isEmpty { try writeShard() }
    guard written.count > 1 else { return }
    let metadata = info.metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
    let files: [JSONValue] = written.enumerated().map { number, one in
      [
        "file": .string(URL(fileURLWithPath: finalPath(number)).lastPathComponent),
        "sequences": .int(one.sequences), "tokens": .int(one.tokens),
      ]
    }
    let list: JSONValue = [
      "format": .string(TokenShardInfo.format), "metadata": .object(JSONObject(metadata)),
      "shards": .array(files),
    ]
    var file = try AtomicFile(path: base + TokenShardSet.indexSuffix)
    try file.append(list.serialized(pretty: true))
    try file.synchronize()
    index = consume file
  }

  /// Gives the files their names.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func finish() throws {
    precondition(!isFinished, "finished twice")
    let indexPath = base + TokenShardSet.indexSuffix
    let earlier = earlierShards(index: indexPath)
    if written.count == 1 {
      try name(0, finalPath(0))
      for path in [indexPath] + earlier { unlink(path) }
    } else {
      // A reader prefers the single file to an index.
      for path in [indexPath, base + TokenShardSet.suffix] + earlier { unlink(path) }
      for number in written.indices { try name(number, finalPath(number)) }
      try index?.commit()
      index = nil
    }
    isFinished = true
  }

  private func finalPath(_ number: Int) -> String {
    guard written.count > 1 else { return base + TokenShardSet.suffix }
    return base + String(format: "-%05d-of-%05d", number + 1, written.count) + TokenShardSet.suffix
  }

  /// The files that an index of an earlier set lists, as far as their names are those of its shards.
  private func earlierShards(index: String) -> [String] {
    let stem = URL(fileURLWithPath: base).lastPathComponent
    let listed = (try? TokenShardSet.files(index: index)) ?? []
    return listed.map(\.path).filter { path in
      let name = URL(fileURLWithPath: path).lastPathComponent
      return name.hasPrefix(stem)
        && name.dropFirst(stem.count).wholeMatch(of: /-[0-9]{5,9}-of-[0-9]{5,9}\.safetensors/) != nil
    }
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
        RawTensor(name: "middle_start", type: "I32", middleStarts),
        RawTensor(name: "middle_bytes", type: "I32", middleBytes),
      ], metadata: info.metadata, to: path)
    written.append(Written(path: path, sequences: middleBytes.count, tokens: tokens.count))
    tokens.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    offsets = [0]
    middleStarts.removeAll(keepingCapacity: true)
    middleBytes.removeAll(keepingCapacity: true)
  }
}

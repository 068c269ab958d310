import Foundation
import Training

/// An event file that TensorBoard reads: records of the TFRecord format that hold `Event` messages of
/// tensorflow/core/util/event.proto, written by hand.
final class TensorBoardFile {
  private var handle: FileHandle?
  private let now: () -> Date

  /// How the names of event files begin.
  static let prefix = "events.out.tfevents."

  /// Begins a file in `directory` for the steps from `step` on. TensorBoard forgets what an earlier file of the folder says
  /// about these steps.
  init(directory: String, from step: Int, now: @escaping () -> Date = { Date() }) throws(Failure) {
    self.now = now
    // No host name: event files are passed on.
    let path = "\(directory)/\(Self.prefix)\(Int(now().timeIntervalSince1970)).gemfill.\(getpid()).\(step)"
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw Failure("\(path): cannot be written; check the folder's permissions and space") }
    self.handle = handle
    var version = ProtobufMessage()
    version.append(3, text: "brain.Event:2")
    append(version, step: 0)
    var session = ProtobufMessage()
    session.append(1, varint: 1)  // SessionLog.START
    var event = ProtobufMessage()
    event.append(7, message: session)
    append(event, step: step)
  }

  deinit { try? handle?.close() }

  /// Removes the event files of earlier runs from a folder.
  static func removeAll(in directory: String) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    where name.hasPrefix(prefix) {
      unlink(directory + "/" + name)
    }
  }

  /// Adds the scalars of a step.
  func append(_ p: TrainingProgress) {
    var scalars = [
      ("train/loss", p.loss), ("train/learning_rate", Double(p.learningRate)),
      ("train/gradient_norm", Double(p.gradientNorm)), ("train/tokens_per_second", p.tokensPerSecond),
    ]
    if let heldOut = p.heldOutLossPerByte { scalars.append(("held_out/loss_per_byte", heldOut)) }
    append(scalars, step: p.step)
  }

  /// Adds scalars by their tags.
  func append(_ scalars: [(tag: String, value: Double)], step: Int) {
    var summary = ProtobufMessage()
    for (tag, value) in scalars {
      var scalar = ProtobufMessage()
      scalar.append(1, text: tag)
      scalar.append(2, float: Float(value))
      summary.append(1, message: scalar)
    }
    var event = ProtobufMessage()
    event.append(5, message: summary)
    append(event, step: step)
  }

  /// Adds an event. A full disk ends the file, not the run.
  private func append(_ body: ProtobufMessage, step: Int) {
    var event = ProtobufMessage()
    event.append(1, double: now().timeIntervalSince1970)
    event.append(2, varint: UInt64(max(0, step)))
    event.bytes += body.bytes
    do { try handle?.write(contentsOf: Data(Self.record(event.bytes))) } catch { handle = nil }
  }

  /// A TFRecord: length, masked CRC of the length, data, masked CRC of the data.
  static func record(_ data: [UInt8]) -> [UInt8] {
    let length = withUnsafeBytes(of: UInt64(data.count).littleEndian) { [UInt8]($0) }
    func masked(_ bytes: [UInt8]) -> [UInt8] {
      let crc = CRC32C.hash(bytes)
      return withUnsafeBytes(of: ((crc >> 15 | crc << 17) &+ 0xA282_EAD8).littleEndian) { [UInt8]($0) }
    }
    return length + masked(length) + data + masked(data)
  }
}

/// The fields of a protobuf message, in its wire format.
struct ProtobufMessage {
  var bytes: [UInt8] = []

  mutating func append(_ field: Int, varint value: UInt64) {
    key(field, wireType: 0)
    varint(value)
  }

  mutating func append(_ field: Int, double value: Double) {
    key(field, wireType: 1)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func append(_ field: Int, float value: Float) {
    key(field, wireType: 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func append(_ field: Int, text: String) { append(field, content: Array(text.utf8)) }

  mutating func append(_ field: Int, message: ProtobufMessage) { append(field, content: message.bytes) }

  private mutating func append(_ field: Int, content: [UInt8]) {
    key(field, wireType: 2)
    varint(UInt64(content.count))
    bytes += content
  }

  private mutating func key(_ field: Int, wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// The Castagnoli CRC of 32 bits (RFC 3720, appendix B.4).
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { crc, _ in crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
  }

  static func hash(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
  }
}

import Foundation
import Testing
import Weights

@testable import Commands
@testable import Training

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// A step of a run.
private func step(_ number: Int, loss: Double, heldOut: Double? = nil) -> TrainingProgress {
  TrainingProgress(
    step: number, loss: loss, gradientNorm: 0.5, learningRate: 0.25, tokens: number * 100,
    tokensPerSecond: 1_000, elapsed: Double(number), remaining: 1, fraction: 0.5, epochs: 0.1,
    heldOutLossPerByte: heldOut)
}

/// Reads the records of an event file: (step, tag → value) of each that has scalars. Independent of the writer's code.
private struct EventReader {
  struct Broken: Error {}
  var scalars: [(step: Int, values: [String: Float])] = []
  var version = ""
  var starts: [Int] = []

  init(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard rest.count >= 16 else { throw Broken() }
      let length = Int(Self.number(rest.prefix(8)))
      let body = rest.dropFirst(12).prefix(length)
      guard Self.masked(rest.prefix(8)) == UInt32(Self.number(rest.dropFirst(8).prefix(4))),
        body.count == length,
        Self.masked(body) == UInt32(Self.number(rest.dropFirst(12 + length).prefix(4)))
      else { throw Broken() }
      try read(Self.fields(body))
      rest = rest.dropFirst(16 + length)
    }
  }

  private mutating func read(_ fields: [(Int, ArraySlice<UInt8>)]) throws {
    let step = fields.first { $0.0 == 2 }.map { Int(Self.number($0.1)) } ?? 0
    for (field, content) in fields {
      if field == 3 { version = String(decoding: content, as: UTF8.self) }
      if field == 7 { starts.append(step) }
      guard field == 5 else { continue }
      var values: [String: Float] = [:]
      for (_, value) in try Self.fields(content) {
        let parts = try Self.fields(value)
        let tag = String(decoding: parts[0].1, as: UTF8.self)
        values[tag] = Float(bitPattern: UInt32(Self.number(parts[1].1)))
      }
      scalars.append((step, values))
    }
  }

  /// Little-endian.
  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func masked(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    // Bit by bit, after RFC 3720.
    var crc = ~UInt32(0)
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0x82F6_3B78 : crc >> 1 }
    }
    crc = ~crc
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }

  private static func fields(_ bytes: ArraySlice<UInt8>) throws -> [(Int, ArraySlice<UInt8>)] {
    var rest = bytes
    func varint() throws -> UInt64 {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while let byte = rest.popFirst() {
        value |= UInt64(byte & 0x7F) << shift
        if byte < 128 { return value }
        shift += 7
      }
      throw Broken()
    }
    var found: [(Int, ArraySlice<UInt8>)] = []
    while !rest.isEmpty {
      let key = try varint()
      let size: Int
      switch key & 7 {
      case 0:
        let value = try varint()
        found.append((Int(key >> 3), withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }[...]))
        continue
      case 1: size = 8
      case 5: size = 4
      case 2: size = Int(try varint())
      default: throw Broken()
      }
      guard rest.count >= size else { throw Broken() }
      found.append((Int(key >> 3), rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    return found
  }
}

/// Counts the elements of a document.
private final class ElementCounter: NSObject, XMLParserDelegate {
  var counts: [String: Int] = [:]
  var text = ""

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) { counts[name, default: 0] += 1 }

  func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}

@Suite("What a training run leaves about itself")
struct TrainingRecordTests {
  private let folder: String

  init() throws {
    folder =
      FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func read(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
  }

  private func eventFiles() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      $0.hasPrefix(TensorBoardFile.prefix)
    }
    .sorted()
  }

  private func lines() throws -> [JSONValue] {
    try read("metrics.jsonl").split(separator: 10).map { try JSONValue(parsing: [UInt8]($0)) }
  }

  private func report(_ last: TrainingProgress) -> TrainingReport {
    TrainingReport(last: last, baseLossPerByte: 0.9, adapterLossPerByte: 0.6, finished: true)
  }

  @Test func theChecksumIsTheStandardsOwnExample() {
    #expect(CRC32C.hash(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.hash([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
  }

  @Test func eventsAreReadBackAsTheyWereWritten() throws {
    let record = TrainingRecord(directory: folder, name: "a", resume: false)
    try record.append(step(1, loss: 3.5))
    try record.append(step(2, loss: 3.25, heldOut: 0.75))
    try record.close(report(step(2, loss: 3.25)))
    let events = try EventReader(read(try #require(eventFiles().first)))
    #expect(events.version == "brain.Event:2" && events.starts == [1])
    #expect(events.scalars.map(\.step) == [1, 2, 2])
    #expect(events.scalars[0].values["train/loss"] == 3.5)
    #expect(events.scalars[0].values["train/learning_rate"] == 0.25)
    #expect(events.scalars[0].values["held_out/loss_per_byte"] == nil)
    #expect(events.scalars[1].values["held_out/loss_per_byte"] == 0.75)
    #expect(events.scalars[2].values == ["held_out/loss_per_byte": 0.6])
    #expect(try lines().map { $0["held_out_loss_per_byte"]?.doubleValue } == [nil, 0.75])
  }

  @Test func aResumedRunForgetsStepsThatItsCheckpointDoesNotKnow() throws {
    let first = TrainingRecord(directory: folder, name: "a", resume: false)
    for number in 1...4 { try first.append(step(number, loss: Double(number))) }
    let path = folder + "/metrics.jsonl"
    try Data(read("metrics.jsonl") + Array("{\"step\": 5, \"lo".utf8)).write(to: URL(fileURLWithPath: path))

    let second = TrainingRecord(directory: folder, name: "a", resume: true)
    try second.append(step(3, loss: 30))
    #expect(try lines().map { $0["step"]?.intValue } == [1, 2, 3])
    #expect(second.losses == [1, 2, 30])
    #expect(try eventFiles().count == 2)

    let anew = TrainingRecord(directory: folder, name: "a", resume: false)
    try anew.append(step(1, loss: 7))
    #expect(try lines().count == 1 && eventFiles().count == 1)
  }

  @Test func theCurveIsAWellFormedPictureOfTheNumbersAlone() throws {
    func draw() throws -> [UInt8] {
      let record = TrainingRecord(directory: folder, name: "a<b>&c", resume: false)
      for number in 1...1_500 {
        try record.append(
          step(
            number, loss: number == 7 ? .nan : 3 / Double(number) + 1,
            heldOut: number % 500 == 0 ? 0.7 : nil))
      }
      try record.close(report(step(1_500, loss: 1)))
      return try read(TrainingRecord.curveName)
    }
    let first = try draw()
    #expect(try draw() == first)
    let (parser, counter) = (XMLParser(data: Data(first)), ElementCounter())
    parser.delegate = counter
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    // Training loss raw and smoothed, held-out loss, learning rate; base, three measurements and the end as marks.
    #expect(counter.counts["svg"] == 1 && counter.counts["polyline"] == 4 && counter.counts["circle"] == 5)
    for label in ["nats per token", "nats per byte", "learning rate", "step", "a<b>&c"] {
      #expect(counter.text.contains(label), "\(label)")
    }
    #expect(!String(decoding: first, as: UTF8.self).lowercased().contains("nan\""))
    #expect(first.count < 60_000)
  }

  @Test func aRunOfOneStepHasACurveToo() throws {
    let record = TrainingRecord(directory: folder, name: "a", resume: false)
    try record.append(step(1, loss: 2))
    try record.draw()
    #expect(XMLParser(data: Data(try read(TrainingRecord.curveName))).parse())
  }
}

@Suite("What training is going to cost")
struct TrainingEstimateTests {
  private func machines(_ text: String) throws -> [RentedMachines.Machine] {
    let section = try #require(JSONValue(parsing: text).objectValue)
    return try RentedMachines(section, path: "config.json").machines
  }

  @Test func hoursAndMoneyFollowFromSpeedOrFromArithmetic() throws {
    let all = try machines(
      #"""
      {"measured": {"tokensPerSecond": 1000, "pricePerHour": 2, "currency": "EUR"},
       "peak": {"teraflops": 100, "utilisation": 0.5, "pricePerHour": 3}}
      """#)
    let estimate = TrainingEstimate(
      tokensPerStep: 3_600, secondsPerStep: 2, tokensPerEpoch: 1e6, heldOutTokens: 0, budget: .steps(1_000))
    #expect(estimate.tokens == 3.6e6 && estimate.seconds == 2_000)
    let measured = estimate.cost(on: all[0], operationsPerToken: 1e9)
    #expect(measured.hours == 1 && measured.money == 2 && all[0].currency == "EUR")
    // 50 TFLOP/s at 1 GFLOP per token are 50,000 tokens a second.
    let peak = estimate.cost(on: all[1], operationsPerToken: 1e9)
    #expect(abs(peak.hours - 0.02) < 1e-9 && abs(peak.money - 0.06) < 1e-9)
  }

  @Test func stepsFollowFromTheBudget() {
    var estimate = TrainingEstimate(
      tokensPerStep: 1_000, secondsPerStep: 2, tokensPerEpoch: 10_500, heldOutTokens: 750, budget: .epochs(2))
    #expect(estimate.steps == 21)
    // Two measurements of 750 tokens at three times 500 tokens a second.
    #expect(estimate.seconds == 43)
    estimate.budget = .seconds(101)
    #expect(estimate.steps == 50)
  }

  @Test(arguments: [
    (#"{"x": 3}"#, "no JSON object"), (#"{"x": {"tokensPerSecond": 5}}"#, "pricePerHour"),
    (#"{"x": {"pricePerHour": 5}}"#, "tokensPerSecond"),
    (#"{"x": {"pricePerHour": 5, "teraflops": 9}}"#, "utilisation"),
    (#"{"x": {"pricePerHour": 5, "teraflops": 9, "utilisation": 30}}"#, "from 0.0001 to 1"),
    (#"{"x": {"pricePerHour": 5, "tokens": 9}}"#, "no such setting"),
  ])
  func wrongSettingsNameTheirPlace(text: String, message: String) {
    let error = #expect(throws: Failure.self) { try machines(text) }
    #expect(error?.description.contains(message) == true && error?.description.contains("gpus.x") == true)
  }
}

import Testing

@testable import Weights

@Suite("GGUF")
struct GGUFTests {
  @Test func readsWhatItWrites() throws {
    let folder = try TemporaryFolder()
    let file = try GGUFFile(path: SampleGGUF.write(folder))
    #expect(file.architecture == "gemma3")
    #expect(file.value("%.block_count")?.intValue == 6)
    #expect(file.metadata["a.u8"] == .uint8(200) && file.metadata["a.i8"]?.intValue == -7)
    #expect(file.metadata["a.u16"]?.intValue == 60_000 && file.metadata["a.i16"]?.intValue == -30_000)
    #expect(file.metadata["a.u64"]?.intValue == nil && file.metadata["a.u64"] == .uint64(.max))
    #expect(file.metadata["a.i64"]?.intValue == .min && file.metadata["a.i32"]?.floatValue == -5)
    #expect(file.metadata["a.f32"]?.floatValue == 0.5 && file.metadata["a.f64"]?.floatValue == -0.25)
    #expect(file.metadata["a.bool"]?.boolValue == true && file.metadata["a.text"]?.stringValue == "é")
    #expect(file.metadata["l.texts"]?.arrayValue?.strings() == ["x", "", "▁▁"])
    #expect(file.metadata["l.bytes"]?.arrayValue?.texts() == [[0xFF], [0]])
    #expect(file.metadata["l.f32"]?.arrayValue?.floats() == [1, -2])
    #expect(file.metadata["l.i32"]?.arrayValue?.integers() == [3, -4])
    #expect(file.metadata["l.bool"]?.arrayValue?.booleans() == [true, false])
    #expect(file.metadata["l.bool"]?.arrayValue?.texts() == nil)
    #expect(file.tensorNames == ["f32", "q8", "q4", "bf16", "f16"])
    #expect(file.tensor("f32")?.floats() == numbers(15))
    #expect(file.tensor("q4")?.shape == [2, 2, 32])
    let q8 = try #require(file.tensor("q8")?.floats())
    #expect(zip(q8, numbers(128)).allSatisfy { abs($0 - $1) < 0.02 })
  }

  @Test func everyTruncationIsAnError() throws {
    let folder = try TemporaryFolder()
    _ = try SampleGGUF.write(folder)
    let bytes = try folder.bytes("model.gguf")
    // The last tensor takes 2 bytes; only padding follows it.
    for length in 0..<(bytes.count - 30) {
      let path = try folder.file("cut.gguf", Array(bytes[..<length]))
      #expect(throws: WeightsError.self) { try GGUFFile(path: path) }
    }
  }

  @Test func damageNeverCrashes() throws {
    let folder = try TemporaryFolder()
    _ = try SampleGGUF.write(folder)
    var refused = 0
    for damaged in mutations(of: try folder.bytes("model.gguf"), count: 2000, seed: 17) {
      let path = try folder.file("damaged.gguf", damaged)
      do throws(WeightsError) {
        let file = try GGUFFile(path: path)
        for name in file.tensorNames { _ = file.tensor(name)?.floats() }
        for value in file.metadata.values {
          _ = value.arrayValue?.texts()
          _ = value.arrayValue?.floats()
          _ = value.arrayValue?.integers()
        }
      } catch {
        refused += 1
      }
    }
    #expect(refused > 500)
  }

  @Test(
    arguments: [
      ("wraps around", [1 << 32, 1 << 32, 1 << 32], 0, 0), ("larger than the file", [1 << 40], 0, 0),
      ("negative extent", [.max], 0, 0), ("half a block", [16, 2], 8, 0),
      ("rows that are no blocks", [16, 4], 2, 0),
      ("not on a border", [4], 0, 4), ("beyond the end", [4], 0, 1 << 20), ("huge offset", [4], 0, .max - 31),
      ("five dimensions", [1, 1, 1, 1, 1], 0, 0),
    ] as [(String, [UInt64], UInt32, UInt64)])
  func refusesTensors(what: String, extents: [UInt64], type: UInt32, offset: UInt64) throws {
    let folder = try TemporaryFolder()
    let entry = RawGGUF.tensor("t", extents, type: type, offset: offset)
    let path = try RawGGUF.write(folder, tensors: 1, values: 0, entry + RawGGUF.data)
    #expect(throws: WeightsError.self) { try GGUFFile(path: path) }
  }

  @Test func refusesOverlapsAndSecondNames() throws {
    let folder = try TemporaryFolder()
    func path(_ name: String, offset: UInt64) throws -> String {
      let entries =
        RawGGUF.tensor("a", [16], type: 0, offset: 0) + RawGGUF.tensor(name, [16], type: 0, offset: offset)
      return try RawGGUF.write(folder, tensors: 2, values: 0, entries + RawGGUF.data)
    }
    let overlapping = try path("b", offset: 32)
    #expect { try GGUFFile(path: overlapping) } throws: { "\($0)".contains("overlaps") }
    let twice = try path("a", offset: 64)
    #expect { try GGUFFile(path: twice) } throws: { "\($0)".contains("second tensor") }
    #expect(try GGUFFile(path: path("b", offset: 64)).tensorNames == ["a", "b"])
  }

  @Test func formatsThatAreNotReadAreNamed() throws {
    let folder = try TemporaryFolder()
    let entry = RawGGUF.tensor("k", [256], type: 10, offset: 0)
    let file = try GGUFFile(path: RawGGUF.write(folder, tensors: 1, values: 0, entry + RawGGUF.data))
    #expect(file.tensorNames.isEmpty)
    #expect { try file.require("k") } throws: { "\($0)".contains("ggml type 10") }
  }

  @Test func hugeCountsAreRefusedAtOnce() throws {
    let folder = try TemporaryFolder()
    for (tensors, values) in [(UInt64.max, UInt64(0)), (0, .max), (1 << 40, 0), (0, 1 << 40)] {
      let path = try RawGGUF.write(folder, tensors: tensors, values: values, RawGGUF.data)
      #expect(throws: WeightsError.self) { try GGUFFile(path: path) }
    }
    for (type, count) in [(UInt32(8), UInt64.max), (0, .max), (10, 1 << 61), (9, 1 << 40), (99, 1)] {
      let value = RawGGUF.pair("key", type: 9) { encoder in
        encoder.append(type)
        encoder.append(count)
      }
      let path = try RawGGUF.write(folder, tensors: 0, values: 1, value + RawGGUF.data)
      #expect(throws: WeightsError.self) { try GGUFFile(path: path) }
    }
  }

  @Test func deeplyNestedArraysAreRefused() throws {
    let folder = try TemporaryFolder()
    let value = RawGGUF.pair("key", type: 9) { encoder in
      for _ in 0..<10_000 {
        encoder.append(UInt32(9))
        encoder.append(UInt64(1))
      }
    }
    let path = try RawGGUF.write(folder, tensors: 0, values: 1, value)
    #expect { try GGUFFile(path: path) } throws: { "\($0)".contains("nested") }
  }

  @Test func otherVersionsAndByteOrdersAreNamed() throws {
    let folder = try TemporaryFolder()
    _ = try GGUFFile(path: RawGGUF.write(folder, version: 2, tensors: 0, values: 0, []))
    for (version, word) in [
      (UInt32(1), "version 1"), (4, "version 4"), (UInt32(3).byteSwapped, "big-endian"),
    ] {
      let path = try RawGGUF.write(folder, version: version, tensors: 0, values: 0, [])
      #expect { try GGUFFile(path: path) } throws: { "\($0)".contains(word) }
    }
  }

  @Test(arguments: [0, 3, 48, 1 << 31] as [UInt32])
  func alignmentMustBeAPowerOfTwo(alignment: UInt32) throws {
    let folder = try TemporaryFolder()
    let value = RawGGUF.pair("general.alignment", type: 4) { $0.append(alignment) }
    let path = try RawGGUF.write(folder, tensors: 0, values: 1, value)
    #expect { try GGUFFile(path: path) } throws: { "\($0)".contains("general.alignment") }
  }
}

/// A sound file with every kind of value and tensor.
private enum SampleGGUF {
  static func write(_ folder: TemporaryFolder) throws -> String {
    var writer = GGUFWriter(architecture: "gemma3")
    writer["a.u8"] = .uint8(200)
    writer["a.i8"] = .int8(-7)
    writer["a.u16"] = .uint16(60_000)
    writer["a.i16"] = .int16(-30_000)
    writer["gemma3.block_count"] = .uint32(6)
    writer["a.i32"] = .int32(-5)
    writer["a.u64"] = .uint64(.max)
    writer["a.i64"] = .int64(.min)
    writer["a.f32"] = .float32(0.5)
    writer["a.f64"] = .float64(-0.25)
    writer["a.bool"] = .bool(true)
    writer["a.text"] = .string("é")
    writer["l.texts"] = .array(GGUFArray(["x", "", "▁▁"]))
    writer["l.bytes"] = .array(GGUFArray(texts: [[0xFF], [0]]))
    writer["l.f32"] = .array(GGUFArray([Float(1), -2]))
    writer["l.i32"] = .array(GGUFArray([Int32(3), -4]))
    writer["l.bool"] = .array(GGUFArray([true, false]))
    writer.append(OutputTensor(name: "f32", shape: [3, 5], floats: numbers(15)))
    writer.append(OutputTensor(name: "q8", shape: [2, 64], floats: numbers(128), format: .q8_0))
    writer.append(OutputTensor(name: "q4", shape: [2, 2, 32], floats: numbers(128), format: .q4_0))
    writer.append(OutputTensor(name: "bf16", shape: [7], floats: numbers(7), format: .bf16))
    writer.append(OutputTensor(name: "f16", shape: [1], floats: [0.1], format: .f16))
    let path = folder.path + "/model.gguf"
    try writer.write(to: path)
    return path
  }
}

/// Files put together by hand, sound or not.
private enum RawGGUF {
  static let data = [UInt8](repeating: 0, count: 512)

  static func write(
    _ folder: TemporaryFolder, version: UInt32 = 3, tensors: UInt64, values: UInt64, _ rest: [UInt8]
  ) throws -> String {
    var encoder = GGUFEncoder()
    encoder.append(UInt32(0x4655_4747))
    encoder.append(version)
    encoder.append(tensors)
    encoder.append(values)
    return try folder.file("raw.gguf", encoder.bytes + rest)
  }

  static func tensor(_ name: String, _ extents: [UInt64], type: UInt32, offset: UInt64) -> [UInt8] {
    var encoder = GGUFEncoder()
    encoder.appendText(Array(name.utf8))
    encoder.append(UInt32(extents.count))
    for extent in extents { encoder.append(extent) }
    encoder.append(type)
    encoder.append(offset)
    return encoder.bytes
  }

  static func pair(_ key: String, type: UInt32, _ value: (inout GGUFEncoder) -> Void) -> [UInt8] {
    var encoder = GGUFEncoder()
    encoder.appendText(Array(key.utf8))
    encoder.append(type)
    value(&encoder)
    return encoder.bytes
  }
}

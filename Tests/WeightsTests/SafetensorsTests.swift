import Foundation
import Testing

@testable import Weights

@Suite("Safetensors")
struct SafetensorsTests {
  private func sample(_ folder: TemporaryFolder) throws -> String {
    let path = folder.path + "/model.safetensors"
    try SafetensorsFile.write(
      [
        OutputTensor(name: "a", shape: [3, 4], floats: numbers(12)),
        OutputTensor(name: "half", shape: [5], floats: numbers(5), format: .f16),
        OutputTensor(name: "brain", shape: [2, 1, 2], floats: numbers(4), format: .bf16),
        OutputTensor(name: "none", shape: [0, 7], floats: []),
        OutputTensor(name: "scalar", shape: [], floats: [42]),
      ], metadata: ["format": "pt", "note": "é"], to: path)
    return path
  }

  /// A file with the given header and `dataCount` bytes of data.
  private func raw(_ folder: TemporaryFolder, _ header: String, dataCount: Int) throws -> String {
    let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { [UInt8]($0) }
    return try folder.file(
      "raw.safetensors", length + Array(header.utf8) + [UInt8](repeating: 0, count: dataCount))
  }

  @Test func readsWhatItWrites() throws {
    let folder = try TemporaryFolder()
    let file = try SafetensorsFile(path: sample(folder))
    #expect(file.tensorNames == ["a", "half", "brain", "none", "scalar"])
    #expect(file.metadata == ["format": "pt", "note": "é"])
    #expect(file.tensor("a")?.shape == [3, 4])
    #expect(file.tensor("a")?.floats() == numbers(12))
    #expect(file.tensor("half")?.floats() == numbers(5).map { Float(Float16($0)) })
    #expect(file.tensor("brain")?.format == .bf16)
    #expect(file.tensor("none")?.floats() == [])
    #expect(file.tensor("scalar")?.floats() == [42])
    #expect(folder.fileNames == ["model.safetensors"])
  }

  /// The second of two tensors of one name would hide the first, whose bytes then belong to nobody.
  @Test func secondNamesAreRefused() throws {
    let folder = try TemporaryFolder()
    let entry = #""a":{"dtype":"F32","shape":[4],"data_offsets":[%,#]}"#
    func named(_ begin: Int, _ end: Int) -> String {
      entry.replacingOccurrences(of: "%", with: "\(begin)").replacingOccurrences(of: "#", with: "\(end)")
    }
    let path = try raw(folder, "{\(named(0, 16)),\(named(16, 32))}", dataCount: 32)
    #expect(throws: WeightsError.self) { try SafetensorsFile(path: path) }
  }

  @Test func tensorsOutliveTheirFile() throws {
    let folder = try TemporaryFolder()
    var file: SafetensorsFile? = try SafetensorsFile(path: sample(folder))
    let tensor = try #require(file?.tensor("a"))
    file = nil
    try FileManager.default.removeItem(atPath: folder.path + "/model.safetensors")
    #expect(tensor.floats() == numbers(12))
  }

  @Test func whatIsMissingIsNamed() throws {
    let folder = try TemporaryFolder()
    let file = try SafetensorsFile(path: sample(folder))
    #expect(throws: WeightsError.missingTensor(path: file.path, name: "b")) { try file.require("b") }
    #expect(
      throws: WeightsError.wrongShape(path: file.path, tensor: "a", expected: "[4, 3]", found: [3, 4])
    ) { try file.require("a", shape: [4, 3]) }
  }

  @Test func tensorsOfIntegersAreSkippedAndExplained() throws {
    let folder = try TemporaryFolder()
    let header = """
      {"ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},\
      "w":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}
      """
    let file = try SafetensorsFile(path: raw(folder, header, dataCount: 20))
    #expect(file.tensorNames == ["w"])
    #expect { try file.require("ids") } throws: { "\($0)".contains("I64") }
  }

  /// What is wrong, and the entries of the header; eight bytes of data follow.
  private static let badHeaders: [(String, String)] = [
    ("overlap", entry("a", "[2]", "[0,8]") + "," + entry("b", "[1]", "[4,8]")),
    ("gap", entry("a", "[1]", "[4,8]")),
    ("too short for the shape", entry("a", "[3]", "[0,8]")),
    ("beyond the end", entry("a", "[3]", "[0,12]")),
    ("less than the file", entry("a", "[1]", "[0,4]")),
    ("backwards", entry("a", "[2]", "[8,0]")),
    ("negative", entry("a", "[4]", "[-8,8]")),
    ("offsets that overflow", entry("a", "[2]", "[-9223372036854775808,9223372036854775807]")),
    ("overflow", entry("a", "[4294967296,4294967296]", "[0,8]")),
    ("overflow in bits", entry("a", "[1152921504606846976]", "[0,8]")),
    ("negative shape", entry("a", "[-2,-1]", "[0,8]")),
    ("unknown type", #""a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}"#),
    ("no offsets", #""a":{"dtype":"F32","shape":[2]}"#),
    ("three offsets", entry("a", "[2]", "[0,8,8]")),
    ("no object", #""a":7"#),
    ("no JSON", #""a""#),
    ("metadata", #""__metadata__":{"a":1},"# + entry("a", "[2]", "[0,8]")),
  ]

  private static func entry(_ name: String, _ shape: String, _ offsets: String) -> String {
    #""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  @Test(arguments: badHeaders)
  func refuses(what: String, entries: String) throws {
    let folder = try TemporaryFolder()
    let path = try raw(folder, "{" + entries + "}", dataCount: 8)
    #expect { try SafetensorsFile(path: path) } throws: { error in
      if case WeightsError.malformed(path, _, _) = error { true } else { false }
    }
  }

  @Test func refusesFalseHeaderLengths() throws {
    let folder = try TemporaryFolder()
    let heads: [[UInt8]] = [
      [], [1, 2, 3], [UInt8](repeating: 255, count: 8), [9, 0, 0, 0, 0, 0, 0, 0, 123, 125],
      [2, 0, 0, 0, 0, 0, 0, 0, 91, 93],
    ]
    for bytes in heads {
      let path = try folder.file("short.safetensors", bytes)
      #expect(throws: WeightsError.self) { try SafetensorsFile(path: path) }
    }
    #expect(throws: WeightsError.self) { try SafetensorsFile(path: folder.path) }
    #expect(throws: WeightsError.self) { try SafetensorsFile(path: folder.path + "/missing") }
  }

  @Test func namedPipesDoNotHang() throws {
    let folder = try TemporaryFolder()
    #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
    #expect(throws: WeightsError.self) { try SafetensorsFile(path: folder.path + "/pipe") }
  }

  @Test func truncationAndDamageNeverCrash() throws {
    let folder = try TemporaryFolder()
    _ = try sample(folder)
    let bytes = try folder.bytes("model.safetensors")
    for length in 0..<bytes.count {
      let path = try folder.file("cut.safetensors", Array(bytes[..<length]))
      #expect(throws: WeightsError.self) { try SafetensorsFile(path: path) }
    }
    for damaged in mutations(of: bytes, count: 2000, seed: 11) {
      let path = try folder.file("damaged.safetensors", damaged)
      do throws(WeightsError) {
        let file = try SafetensorsFile(path: path)
        for name in file.tensorNames { _ = file.tensor(name)?.floats() }
      } catch {
        #expect("\(error)".contains(path))
      }
    }
  }

  @Test func failedWritingLeavesTheOldFile() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("model.safetensors", "old")
    let quantised = OutputTensor(name: "q", shape: [32], floats: numbers(32), format: .q8_0)
    #expect(throws: WeightsError.self) { try SafetensorsFile.write([quantised], to: path) }
    do {
      var file = try AtomicFile(path: path)
      try file.append(Array("new".utf8))
    }
    #expect(try folder.bytes("model.safetensors") == Array("old".utf8))
    #expect(folder.fileNames == ["model.safetensors"])
    #expect(throws: WeightsError.self) { try AtomicFile.write([1], to: folder.path + "/missing/file") }
  }
}

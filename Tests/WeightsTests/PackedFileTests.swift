import Foundation
import Testing

@testable import Weights

@Suite("Packed files")
struct PackedFileTests {
  private let identity: JSONValue = ["layout": 1, "source": "abc"]

  private func write(_ folder: TemporaryFolder, _ regions: [(String, [UInt8])]) throws -> String {
    let path = folder.path + "/model.gempack"
    try PackedFile.write(
      regions.map { name, bytes in
        PackedFile.OutputSection(name: name, attributes: ["rows": .int(bytes.count)]) { body in
          try bytes.withUnsafeBytes { try body($0) }
        }
      }, identity: identity, to: path)
    return path
  }

  private func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = Generator(state: seed)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  @Test func readsWhatItWrites() throws {
    let folder = try TemporaryFolder()
    let regions = [("a", bytes(10)), ("b", bytes(0)), ("c", bytes(4096)), ("d", bytes(3_000_001))]
    let file = try PackedFile(path: write(folder, regions), identity: identity)
    try file.verify()
    #expect(file.sections.map(\.name) == ["a", "b", "c", "d"])
    for (section, region) in zip(file.sections, regions) {
      let found = file.bytes(of: section)
      #expect(found.elementsEqual(region.1) && section.attributes["rows"]?.intValue == region.1.count)
      #expect(found.isEmpty || Int(bitPattern: found.baseAddress) % 4096 == 0)
    }
    #expect(folder.fileNames == ["model.gempack"])
  }

  @Test func anotherIdentityIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = try write(folder, [("a", bytes(10))])
    #expect { try PackedFile(path: path, identity: ["layout": 2, "source": "abc"]) } throws: {
      "\($0)".contains("made for another")
    }
  }

  @Test func everyTruncationIsFoundAtOnce() throws {
    let folder = try TemporaryFolder()
    let path = try write(folder, [("a", bytes(50))])
    let whole = try folder.bytes("model.gempack")
    for length in stride(from: 0, to: whole.count, by: 7) {
      _ = try folder.file("model.gempack", Array(whole[..<length]))
      #expect(throws: WeightsError.self) { try PackedFile(path: path, identity: identity) }
    }
    _ = try folder.file("model.gempack", whole + [0])
    #expect(throws: WeightsError.self) { try PackedFile(path: path, identity: identity) }
  }

  /// Every change of a byte is found: in the preamble and header when the file is opened, in a region by `verify`.
  @Test func everyChangeIsFound() throws {
    let folder = try TemporaryFolder()
    let path = try write(folder, [("a", bytes(50)), ("b", bytes(2_500_000))])
    let whole = try folder.bytes("model.gempack")
    let file = try PackedFile(path: path, identity: identity)
    let regions = file.sections.map(\.range)
    var generator = Generator(state: 5)
    var found = 0
    for region in [0..<300, regions[0], regions[1]] {
      for _ in 0..<12 {
        var damaged = whole
        damaged[Int.random(in: region, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
        let place = try folder.file("damaged.gempack", damaged)
        #expect(throws: WeightsError.self) {
          try PackedFile(path: place, identity: identity).verify()
        }
        found += 1
      }
    }
    #expect(found == 36)
  }

  @Test func contentHashSeesOrderLengthAndPlace() {
    func hash(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { Checksum.hash($0) } }
    let some = bytes(2_100_000)
    var swapped = some
    swapped.swapAt(0, 32)
    swapped.swapAt(1, 33)
    var chunks = Array(some[1_048_576..<2_097_152]) + some[..<1_048_576]
    chunks += some[2_097_152...]
    let all = [some, swapped, chunks, some + [0], Array(some.dropLast()), [], [0], [0, 0]].map(hash)
    #expect(Set(all).count == all.count)
    #expect(hash(some) == hash(some) && hash(some).count == 16)
  }

  @Test func identityFollowsSizeDateAndContent() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("f", bytes(1_000_000))
    let date = Date(timeIntervalSince1970: 1_700_000_000)
    func identity(_ content: [UInt8], _ date: Date) throws -> JSONValue {
      _ = try folder.file("f", content)
      try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
      return try MappedFile(path: path).identity
    }
    let first = try identity(bytes(3_000_000), date)
    #expect(try identity(bytes(3_000_000), date) == first)
    #expect(try identity(bytes(3_000_000), date + 1) != first)
    #expect(try identity(bytes(3_000_001), date) != first)
    #expect(try identity(bytes(3_000_000, seed: 2), date) != first)
    var late = bytes(3_000_000)
    late[2_999_990] ^= 1
    #expect(try identity(late, date) != first)
  }

  @Test func placesThatCannotBeWrittenAreErrors() throws {
    let folder = try TemporaryFolder()
    _ = try folder.file("plain", [])
    for place in ["/proc", folder.path + "/missing", folder.path + "/plain"] {
      #expect(throws: WeightsError.self) { try write(in: place) }
    }
  }

  private func write(in folder: String) throws {
    try PackedFile.write([], identity: identity, to: folder + "/x.gempack")
  }
}

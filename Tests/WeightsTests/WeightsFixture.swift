import Foundation

@testable import Weights

/// A small generator with a seed (SplitMix64).
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  /// A number of the normal distribution (Box and Muller).
  mutating func normal() -> Float {
    let radius = (-2 * log(Double.random(in: .leastNormalMagnitude..<1, using: &self))).squareRoot()
    return Float(radius * cos(2 * Double.pi * Double.random(in: 0..<1, using: &self)))
  }
}

/// A folder for one test that vanishes with this object.
final class TemporaryFolder {
  let path: String

  init() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.path
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Puts `bytes` into the file called `name` and returns its path.
  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  func file(_ name: String, _ text: String) throws -> String { try file(name, Array(text.utf8)) }

  func bytes(_ name: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
  }

  var fileNames: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

func numbers(_ count: Int, seed: UInt64 = 1) -> [Float] {
  var generator = Generator(state: seed)
  return (0..<count).map { _ in generator.normal() }
}

/// Changes of a sound file: the same seed gives the same ones.
func mutations(of bytes: [UInt8], count: Int, seed: UInt64) -> [[UInt8]] {
  var generator = Generator(state: seed)
  return (0..<count).map { _ in
    var damaged = bytes
    // Most damage goes where the structure is.
    let reach = Bool.random(using: &generator) ? bytes.count : min(bytes.count, 400)
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      damaged[Int.random(in: 0..<reach, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
    }
    return damaged
  }
}

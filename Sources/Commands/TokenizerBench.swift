import Foundation
import Numerics
import Registry
import Tokenizer
import Weights

/// Speed of a tokenizer: loading, encoding, decoding, and re-encoding after a keystroke.
struct TokenizerBench {
  /// A model file or folder.
  let path: String
  /// What is encoded.
  let text: [UInt8]

  static let options = [
    Option.flag("tokenizer", help: "Measure the model's tokenizer instead: loading, encoding, decoding."),
    Option.text(
      "text", "PATH", help: "With --tokenizer: the file to encode (default: 10 MB of made-up code)."),
  ]

  private static let runs = 5
  private static let keystrokes = 1_000
  /// Keystrokes are typed into a document of at most this many bytes.
  private static let documentBytes = 100_000

  /// What the arguments ask for.
  ///
  /// - Throws: `RegistryError`; `Failure` if the text cannot be read.
  init(_ arguments: Arguments) throws {
    path = try ModelRegistry(home: .standard()).resolveBase(arguments.text("model"))
    guard let file = arguments.text("text") else {
      text = Self.sampleText(megabytes: 10)
      return
    }
    guard let bytes = try? RegularFile.read(file, limit: 1 << 30) else {
      throw Failure("\(file) cannot be read; give --text a regular file of at most 1 GiB")
    }
    text = bytes
  }

  /// Figures of one measurement.
  struct Figures {
    let loadMs: Double
    let encodeMBPerSecond: Double
    let decodeMBPerSecond: Double
    let keystrokeMicroseconds: Double
    let bytesPerToken: Double
    /// Whether decoding gave the text back.
    let comesBack: Bool
  }

  /// A text to measure with where there is no corpus: lines of code, seeded.
  static func sampleText(megabytes: Int) -> [UInt8] {
    var random = SeededRandom(seed: 7)
    let words = [
      "func", "return", "self", "import", "if", "else", "guard", "let", "var", "value", "index", "count",
      "result",
      "parser", "tokenizer", "makeIterator", "withUnsafeBytes", "=", "==", "->", "{", "}", "(x)", "[0]",
      "\"text\"", "// note",
    ]
    var bytes: [UInt8] = []
    while bytes.count < megabytes * 1_000_000 {
      bytes += repeatElement(0x20, count: 2 * Int(random.next() % 6))
      for _ in 0..<(1 + random.next() % 8) {
        bytes += Array(words[Int(random.next() % UInt64(words.count))].utf8)
        bytes.append(0x20)
      }
      bytes.append(0x0A)
    }
    return bytes
  }

  /// Measures everything, medians of five runs.
  ///
  /// - Throws: `WeightsError`, `TokenizerError`.
  func run() throws -> Figures {
    var tokenizer = try load()
    var failure: (any Error)?
    let loadMs = MachineLimits.median(Self.runs) {
      MachineLimits.time {
        do { tokenizer = try load() } catch { failure = error }
      } * 1e3
    }
    if let failure { throw failure }
    let megabytes = Double(text.count) / 1e6
    var tokens: [Int32] = []
    let encoding = MachineLimits.median(Self.runs) {
      megabytes / MachineLimits.time { tokens = tokenizer.encode(text) }
    }
    var decoded: [UInt8] = []
    let decoding = MachineLimits.median(Self.runs) {
      megabytes / MachineLimits.time { decoded = tokenizer.decode(tokens) }
    }
    return Figures(
      loadMs: loadMs, encodeMBPerSecond: encoding, decodeMBPerSecond: decoding,
      keystrokeMicroseconds: keystroke(tokenizer),
      bytesPerToken: Double(text.count) / Double(max(1, tokens.count)),
      comesBack: decoded == text)
  }

  private func load() throws -> Tokenizer {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue
    else {
      return try Tokenizer(gguf: GGUFFile(path: path))
    }
    return try Tokenizer(directory: path)
  }

  /// Microseconds to bring the tokens up to date after one typed letter.
  private func keystroke(_ tokenizer: Tokenizer) -> Double {
    var document = IncrementalTokens(tokenizer, text.prefix(Self.documentBytes))
    let seconds = MachineLimits.time {
      for index in 0..<Self.keystrokes {
        let place = (index &* 7_919) % (document.byteCount + 1)
        document.replace(place..<place, with: CollectionOfOne(0x78))
      }
    }
    return seconds / Double(Self.keystrokes) * 1e6
  }

  /// Measures and prints.
  ///
  /// - Throws: `WeightsError`, `TokenizerError`.
  func report(_ console: Console) throws {
    let figures = try run()
    func format(_ value: Double, _ digits: Int) -> String { BenchCommand.format(value, digits) }
    console.endProgress()
    console.table(
      [path, ""],
      [
        ["load", format(figures.loadMs, 1) + " ms"],
        ["encode", format(figures.encodeMBPerSecond, 1) + " MB/s"],
        ["decode", format(figures.decodeMBPerSecond, 1) + " MB/s"],
        ["after a keystroke", format(figures.keystrokeMicroseconds, 1) + " µs"],
        ["bytes per token", format(figures.bytesPerToken, 2)],
        ["round trip of \(text.count) bytes", figures.comesBack ? "exact" : "NOT exact"],
      ],
      alignment: [.left, .right])
    console.emit(json: [
      "model": .string(path), "load_ms": .double(figures.loadMs),
      "encode_mb_per_second": .double(figures.encodeMBPerSecond),
      "decode_mb_per_second": .double(figures.decodeMBPerSecond),
      "keystroke_us": .double(figures.keystrokeMicroseconds),
      "bytes_per_token": .double(figures.bytesPerToken),
      "bytes": .int(text.count), "round_trip": .bool(figures.comesBack),
    ])
  }
}

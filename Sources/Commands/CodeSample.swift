import Corpus
import Foundation
import Gemma
import Numerics
import Syntax
import Tokenizer

/// Code by which a model is measured: pieces of some hundred tokens, chosen with a fixed seed.
struct CodeSample {
  /// What a model makes of it.
  struct Measurement {
    /// Mean squares of the inputs of all matrices, from one half of the pieces.
    let statistics: ActivationStatistics
    /// Bits that the model needs for a byte of the other half.
    let lossPerByte: Double
  }

  private let weighed: [Piece]
  private let held: [Piece]

  private struct Piece {
    let tokens: [Int32]
    let byteCount: Int
  }

  private static let pieceBytes = 800
  private static let piecesPerHalf = 32
  private static let longest = 512

  /// Reads the code at `path` with the tokenizer of `source`.
  init(path: String, source: ModelSource) throws {
    let tokenizer = try source.tokenizer()
    let files = try RepositoryWalker(root: path, catalog: .standard()).files().files
    var places = files.indices.flatMap { file in
      stride(from: 0, to: files[file].bytes.count, by: Self.pieceBytes).map { (file: file, start: $0) }
    }
    var random = SeededRandom(seed: 20_260)
    places.shuffle(using: &random)
    let pieces = places.prefix(2 * Self.piecesPerHalf).map { place in
      let bytes = files[place.file].bytes[place.start...].prefix(Self.pieceBytes)
      let tokens = [tokenizer.beginToken] + tokenizer.encode(bytes).prefix(Self.longest - 1)
      return Piece(tokens: tokens, byteCount: bytes.count)
    }.filter { $0.tokens.count > 8 }
    guard pieces.count >= 2 else {
      throw Failure("\(path): too little code to measure by; name a file or folder with some kilobytes")
    }
    weighed = pieces.indices.filter { $0 % 2 == 0 }.map { pieces[$0] }
    held = pieces.indices.filter { $0 % 2 == 1 }.map { pieces[$0] }
  }

  /// Lets the model at `path` read the code.
  func measure(modelPath path: String, collectsStatistics: Bool) throws -> Measurement {
    let model = try GemmaModel.load(path: path)
    var statistics = ActivationStatistics()
    if collectsStatistics {
      for piece in weighed {
        try ModelCommand.checkInterrupt()
        let session = InferenceSession(model, capacity: Self.longest)
        session.inputObserver = { role, values, rows, columns in
          statistics.add(role, values, rows: rows, columns: columns)
        }
        try session.append(piece.tokens, logits: .all)
      }
    }
    var bits = 0.0
    for piece in held {
      try ModelCommand.checkInterrupt()
      bits += try Self.bits(piece.tokens, model)
    }
    return Measurement(
      statistics: statistics, lossPerByte: bits / Double(held.reduce(0) { $0 + $1.byteCount }))
  }

  /// Minus the binary logarithm of the probability of all tokens but the first.
  private static func bits(_ tokens: [Int32], _ model: GemmaModel) throws -> Double {
    let vocabularySize = model.configuration.vocabularySize
    let session = InferenceSession(model, capacity: tokens.count)
    return try withExtendedLifetime(session) {
      let logits = try session.append(tokens, logits: .all)
      return (1..<tokens.count).reduce(0.0) { total, index in
        let row = UnsafeBufferPointer(start: logits + (index - 1) * vocabularySize, count: vocabularySize)
        let largest = row.max() ?? 0
        let sum = row.reduce(0.0) { $0 + Double(exp($1 - largest)) }
        return total + (log(sum) - Double(row[Int(tokens[index])] - largest)) / log(2)
      }
    }
  }
}

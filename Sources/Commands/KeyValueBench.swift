import Corpus
import Foundation
import Gemma
import Numerics
import Syntax
import Tokenizer
import Weights

/// `gemfill bench --kv PATH`: what keys and values in fewer bits cost on code, and what they save.
struct KeyValueBench {
  /// One format on all texts.
  private struct Outcome {
    let format: KVFormat
    let bytesPerToken: Double
    let loss: Double
    let best: [Int32]
  }

  private let model: GemmaModel
  private let pool: WorkerPool
  private let texts: [[Int32]]
  private let byteCount: Int

  /// Takes up to `limit` tokens of source files below `path`, in pieces of at most 1024.
  ///
  /// - Throws: `CorpusError`, `Failure` where there is no source code.
  init(model: GemmaModel, pool: WorkerPool, path: String, limit: Int = 16_384) throws {
    self.model = model
    self.pool = pool
    let tokenizer = try BenchModes.tokenizer(of: model)
    let files = try RepositoryWalker(root: path, catalog: .standard()).files().files
    var texts: [[Int32]] = []
    var total = 0
    for file in files where total < limit {
      let tokens = [tokenizer.beginToken] + tokenizer.encode(file.bytes).prefix(1_023)
      guard tokens.count >= 64 else { continue }
      texts.append(tokens)
      total += tokens.count
    }
    guard !texts.isEmpty else { throw Failure("\(path): no source code long enough to measure on") }
    self.texts = texts
    byteCount = texts.reduce(0) { $0 + $1.reduce(0) { $0 + tokenizer.bytes(of: $1).count } }
  }

  /// Prints loss per byte and agreement of the most probable token, each format against exact keys and values.
  func report(_ console: Console) throws {
    var outcomes: [Outcome] = []
    for format in KVFormat.allCases {
      console.progress("keys and values as \(format.rawValue)")
      outcomes.append(try measure(format))
    }
    console.endProgress()
    let exact = outcomes[0]
    console.table(
      ["keys and values", "bytes per token", "loss per byte", "change", "same most probable token"],
      outcomes.map { outcome in
        [
          outcome.format.rawValue, BenchCommand.format(outcome.bytesPerToken, 0),
          BenchCommand.format(outcome.loss, 5),
          BenchCommand.format((outcome.loss / exact.loss - 1) * 100, 3) + " %",
          BenchCommand.format(agreement(outcome, exact) * 100, 2) + " %",
        ]
      }, alignment: [.left, .right, .right, .right, .right])
    console.emit(json: [
      "tokens": .int(exact.best.count),
      "formats": .array(
        outcomes.map { outcome in
          [
            "format": .string(outcome.format.rawValue), "bytes_per_token": .double(outcome.bytesPerToken),
            "loss_per_byte": .double(outcome.loss), "agreement": .double(agreement(outcome, exact)),
          ]
        }),
    ])
  }

  private func agreement(_ one: Outcome, _ other: Outcome) -> Double {
    Double(zip(one.best, other.best).filter { $0 == $1 }.count) / Double(max(1, one.best.count))
  }

  private func measure(_ format: KVFormat) throws -> Outcome {
    let pages = KVPagePool(model.configuration, format: format)
    let session = InferenceSession(model, capacity: 1_024, pool: pool, pages: pages)
    let size = model.configuration.vocabularySize
    var (sum, best) = (0.0, [Int32]())
    for tokens in texts {
      session.cache.truncate(to: 0)
      for begin in stride(from: 0, to: tokens.count - 1, by: 64) {
        let piece = Array(tokens[begin..<min(tokens.count - 1, begin + 64)])
        let logits = try session.append(piece, logits: .all)
        for row in piece.indices {
          let values = logits + row * size
          sum += Double(Kernels.best.logSumExp(values, count: size) - values[Int(tokens[begin + row + 1])])
          best.append(Int32(Kernels.best.argmax(values, count: size)))
        }
      }
    }
    return Outcome(
      format: format, bytesPerToken: Double(pages.pageBytes) / Double(KVPagePool.pagePositions),
      loss: sum / Double(byteCount), best: best)
  }
}

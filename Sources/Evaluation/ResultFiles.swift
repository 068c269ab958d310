import Foundation

/// A result file that cannot be used.
public enum ResultFileError: Error, Sendable, CustomStringConvertible {
  /// A line (from 1 on) is not what `Evaluation.lines(of:)` writes.
  case line(path: String, number: Int, problem: String)
  /// The file holds no line.
  case empty(path: String)
  /// The file was answered by others than the first one.
  case otherContenders(path: String, found: [String], expected: [String])

  /// File, place and remedy.
  public var description: String {
    switch self {
    case .line(let path, let number, let problem):
      "\(path):\(number): \(problem); make the file again with gemfill eval --out"
    case .empty(let path): "\(path): no hole in it; make the file again with gemfill eval --out"
    case .otherContenders(let path, let found, let expected):
      "\(path): answered by \(found.joined(separator: ", ")), the files before it by "
        + "\(expected.joined(separator: ", ")); pool results of the same contenders"
    }
  }
}

extension Evaluation {
  /// Pools result files that `lines(of:)` wrote, so that one report covers several repositories.
  ///
  /// - Parameter files: name and bytes of each.
  /// - Throws: `ResultFileError`.
  public init(resultFiles files: [(path: String, bytes: [UInt8])]) throws(ResultFileError) {
    self.init(contenders: [], outcomes: [], offered: 0, order: .suffixFirst, elapsed: .zero)
    for (path, bytes) in files { try append(path: path, bytes: bytes) }
  }

  private mutating func append(path: String, bytes: [UInt8]) throws(ResultFileError) {
    var isEmpty = true
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .enumerated()
    where !line.isEmpty {
      let answers = try Self.outcomes(of: line, path: path, number: index + 1)
      let names = answers.map(\.contender)
      if contenders.isEmpty {
        contenders = names
        outcomes = names.map { _ in [] }
      }
      guard names == contenders else {
        throw .otherContenders(path: path, found: names, expected: contenders)
      }
      for (column, answer) in answers.enumerated() {
        outcomes[column].append(answer)
        outcomes[column][outcomes[column].count - 1].example = offered
      }
      offered += 1
      isEmpty = false
    }
    if isEmpty { throw .empty(path: path) }
  }

  private static func outcomes(
    of line: ArraySlice<UInt8>, path: String, number: Int
  ) throws(ResultFileError) -> [Outcome] {
    struct Line: Decodable { let outcomes: [Outcome] }
    let outcomes: [Outcome]
    do {
      outcomes = try JSONDecoder().decode(Line.self, from: Data(line)).outcomes
    } catch DecodingError.keyNotFound(let key, _) {
      throw .line(path: path, number: number, problem: "\(key.stringValue) is missing")
    } catch {
      throw .line(path: path, number: number, problem: "not a hole with its answers")
    }
    guard let first = outcomes.first else {
      throw .line(path: path, number: number, problem: "a hole that nobody answered")
    }
    guard outcomes.allSatisfy({ $0.middleBytes == first.middleBytes && $0.file == first.file }),
      outcomes.allSatisfy({ (1...(1 << 30)).contains($0.middleBytes) && $0.loss.isFinite })
    else { throw .line(path: path, number: number, problem: "answers that are not to one hole") }
    return outcomes
  }
}

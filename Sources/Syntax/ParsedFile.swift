/// What parsing a file gave: the trees of its parts, or why there are none.
public enum ParsedFile: Sendable {
  /// One part for the file's own language, then one for each piece of another language in it, in order.
  case parts([ParsedPart])
  /// The language is not described, or its grammar is not built: no reason to drop the file.
  case unknownLanguage
  /// The parser gave up: too large, or too slow.
  case timedOut

  /// The parts; empty when there are none.
  public var parts: [ParsedPart] {
    if case .parts(let parts) = self { parts } else { [] }
  }
}

/// A stretch of a file in one language.
public struct ParsedPart: Sendable {
  /// Bytes of the file that the part covers; for the host language, the whole file.
  public let range: Range<Int>
  /// The part's language.
  public let language: Language
  /// The part's tree; its offsets and rows are those of the file.
  public let tree: SyntaxTree
  /// Bytes inside `range` that are code of other languages, in order and apart from one another; other parts parse
  /// them, unless their language is unknown. Nothing inside them is this part's to carve.
  public let embedded: [Range<Int>]

  /// True when `bytes` touches none of the code of other languages.
  public func owns(_ bytes: Range<Int>) -> Bool {
    let next = embedded.firstIndex(endingAfter: bytes.lowerBound)
    return next == embedded.count || embedded[next].lowerBound >= bytes.upperBound
  }
}

extension [Range<Int>] {
  /// Index of the first range that ends behind `offset`, in an ordered list of separate ranges; `count` for none.
  fileprivate func firstIndex(endingAfter offset: Int) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].upperBound > offset { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

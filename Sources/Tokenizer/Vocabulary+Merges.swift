/// Takes merges given as text into a vocabulary.
struct MergeReader {
  private let text: PieceText
  /// The types of the pieces, where all that must not come out of text are control pieces.
  private let types: [Vocabulary.PieceType]
  private let pieces: PieceTable
  private let path: String
  private let place: String
  private var merges: [MergeTable.Merge] = []
  /// Where each of them stands in the file, for those are left out that make special tokens.
  private var places: [UInt32] = []
  private var count = 0
  private var lastToken = 0

  /// A reader of about `capacity` merges of a vocabulary whose pieces and special tokens are known.
  ///
  /// - Parameter place: What the list is called in the file.
  init(_ vocabulary: Vocabulary, capacity: Int, path: String, place: String) throws(TokenizerError) {
    text = vocabulary.text
    self.path = path
    self.place = place
    var types = vocabulary.types
    for token in vocabulary.reservedTokens { types[Int(token)] = .control }
    self.types = types
    pieces = PieceTable(vocabulary) { _ in true }
    if let token = pieces.repeated {
      let text = String(decoding: vocabulary.piece(Int(token)), as: UTF8.self)
      throw .malformed(path: path, place: "piece \(token)", problem: "'\(text)' is there already")
    }
    merges.reserveCapacity(capacity)
    places.reserveCapacity(capacity)
  }

  /// Adds a merge; returns what is wrong with it.
  ///
  /// Merges that make special tokens are left out: control tokens never come out of plain text.
  mutating func append(
    _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
  ) -> TokenizerError? {
    defer { count += 1 }
    guard let leftToken = pieces.token(left) else { return damage("\(quoted(left)) is no piece", count) }
    guard let rightToken = pieces.token(right) else { return damage("\(quoted(right)) is no piece", count) }
    guard let token = token(left, right) else {
      return damage("\(quoted(left)) and \(quoted(right)) together are no piece", count)
    }
    lastToken = Int(token)
    for part in [leftToken, rightToken] where types[Int(part)] == .byte {
      return damage("it merges the byte piece \(part)", count)
    }
    switch types[Int(token)] {
    case .control, .unknown, .byte: return nil
    case .normal, .userDefined, .unused: break
    }
    merges.append(.init(left: leftToken, right: rightToken, token: token))
    places.append(UInt32(truncatingIfNeeded: count))
    return nil
  }

  /// The merges.
  func finish() throws(TokenizerError) -> MergeTable {
    let table = MergeTable(merges)
    if let rank = table.repeated { throw damage("its pair is merged a second time", Int(places[rank])) }
    return table
  }

  private func damage(_ problem: String, _ index: Int) -> TokenizerError {
    .malformed(path: path, place: "\(place)[\(index)]", problem: problem)
  }

  private func quoted(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    "'" + String(decoding: bytes.prefix(40), as: UTF8.self) + "'"
  }

  /// The piece that two texts make together: mostly the one before, or the one behind that.
  private func token(
    _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
  ) -> Int32? {
    for guess in lastToken...min(lastToken + 1, text.count - 1) where text.equals(guess, left, right) {
      return Int32(guess)
    }
    return (Array(left) + right).withUnsafeBufferPointer { pieces.token($0) }
  }
}

extension Vocabulary {
  /// Whether merging in the listed order always cuts runs of line feeds, tabs and spaces off greedily, so that the
  /// scanner may do it beforehand.
  ///
  /// It does if, for each of the three characters c, with runs of up to m of them as pieces:
  ///
  /// 1. Every merge that takes a run of c together with other text comes after all merges of runs of c, and takes a
  ///    single c only. Then runs are finished before anything else touches them, and only a last single c is touched.
  /// 2. For 2 ≤ k < m the merge (k, 1) is listed before (1, 1). Then a run grows at its left end one by one up to m
  ///    before a second one is begun, so that n characters give m, m, …, n mod m: the longest match, again and again.
  func mergesRunsGreedily(_ merges: [MergeTable.Merge]) -> Bool {
    let runs = runs()
    var first = [Int](repeating: .max, count: 3)  // Rank of (1, 1).
    var last = [Int](repeating: -1, count: 3)  // The last rank at which a run is made of runs.
    var firstTouched = [Int](repeating: .max, count: 3)  // The first rank at which a run joins other text.
    var longest = [Int](repeating: 1, count: 3)
    for run in runs.values { longest[run.kind] = max(longest[run.kind], run.length) }
    var isRun = [Bool](repeating: false, count: count)
    for token in runs.keys { isRun[Int(token)] = true }
    var growing = longest.map { _ in 0 }
    for (rank, merge) in merges.enumerated() {
      guard isRun[Int(merge.left)] || isRun[Int(merge.right)] else { continue }
      let (left, right) = (runs[merge.left], runs[merge.right])
      if let left, let right, left.kind == right.kind {
        last[left.kind] = rank
        if left.length == 1, right.length == 1 { first[left.kind] = rank }
        if left.length > 1, right.length == 1, first[left.kind] == .max { growing[left.kind] += 1 }
      } else {
        for run in [left, right].compactMap(\.self) {
          guard run.length == 1 else { return false }
          firstTouched[run.kind] = min(firstTouched[run.kind], rank)
        }
      }
    }
    return (0..<3).allSatisfy { kind in
      last[kind] < firstTouched[kind]
        && (longest[kind] < 2 || growing[kind] == longest[kind] - 2 && first[kind] != .max)
    }
  }

  /// The pieces that repeat one of the three characters, with the character's number and how often it stands there.
  private func runs() -> [Int32: (kind: Int, length: Int)] {
    var runs: [Int32: (kind: Int, length: Int)] = [:]
    for token in 0..<count where types[token] == .normal || types[token] == .userDefined {
      let piece = piece(token)
      switch piece.first {
      case 0x0A: if isRun(token) { runs[Int32(token)] = (0, piece.count) }
      case 0x09: if isRun(token) { runs[Int32(token)] = (1, piece.count) }
      case Self.spaceMark[0]:
        if isRun(token) || piece.elementsEqual(Self.spaceMark) { runs[Int32(token)] = (2, piece.count / 3) }
      default: break
      }
    }
    return runs
  }
}

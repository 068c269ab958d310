/// Chooses the words by which a chunk will be found.
struct ChunkWords {
  private var scanned: [WordScanner.Word] = []
  private var keys: [UInt64] = []
  private var ranked: [UInt64] = []

  /// The telling words of a chunk: identifiers of several parts and long words first, since nobody knows yet how rare a
  /// word is in the repository.
  mutating func words(in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> (
    words: [UInt32], repeated: Int
  ) {
    scanned.removeAll(keepingCapacity: true)
    WordScanner.scan(text, range, into: &scanned)
    keys.removeAll(keepingCapacity: true)
    let stops = StopWords()
    for word in scanned where !stops.contains(word.hash) {
      // Hash above, promise below: sorting brings equal words together.
      keys.append(UInt64(word.hash) << 8 | UInt64(Self.promise(word)))
    }
    keys.sort()
    ranked.removeAll(keepingCapacity: true)
    var index = 0
    while index < keys.count {
      let hash = keys[index] >> 8
      var next = index + 1
      while next < keys.count, keys[next] >> 8 == hash { next += 1 }
      let promise = keys[next - 1] & 0xFF
      let isRepeated: UInt64 = next - index > 1 ? 1 : 0
      ranked.append((promise + 2 * isRepeated) << 32 | isRepeated << 31 | hash)
      index = next
    }
    // By promise, then by hash: the order does not depend on where words stand.
    ranked.sort(by: >)
    let chosen = ranked.prefix(FactTables.wordsPerChunk)
    let repeated = chosen.filter { $0 >> 31 & 1 == 1 }
    let single = chosen.filter { $0 >> 31 & 1 == 0 }
    return ((repeated + single).map { UInt32(truncatingIfNeeded: $0 & 0xFF_FFFF) }, repeated.count)
  }

  private static func promise(_ word: WordScanner.Word) -> Int {
    min(Int(word.length), 14) + (word.isCompound ? 6 : 0) + (word.name == 0 ? 0 : 2)
  }
}

/// Words of languages and of prose that stand everywhere.
struct StopWords {
  private let filter = Self.filter

  /// Make one for many words: what is global is looked up each time.
  init() {}

  func contains(_ hash: UInt32) -> Bool {
    filter[Int(hash & 0xFFFF) >> 6] >> UInt64(hash & 63) & 1 == 1 && Self.hashes.contains(hash)
  }

  private static let hashes: Set<UInt32> = Set(
    words.split(whereSeparator: \.isWhitespace).map { WordScanner.hash(of: String($0)) })

  /// One bit per low 16 bits of a hash: most words are told from it.
  private static let filter: [UInt64] = {
    var bits = [UInt64](repeating: 0, count: 1024)
    for hash in hashes { bits[Int(hash & 0xFFFF) >> 6] |= 1 << UInt64(hash & 63) }
    return bits
  }()

  private static let words = """
    abstract all and any are args array assert async await bool boolean break but byte bytes can case cast catch char
    class cls const continue crate data def default defer del delete dict do does double each elif else end enum err
    error except export extends extern false final finally float fmt for foreach from func function get global goto
    guard has have her his how if impl implements import in include init inline instanceof int integer interface into
    is isinstance it its join key kwargs lambda len length let list local long loop main map match mod module more move
    mut name namespace new nil none not null num number object of one only open operator option optional or other
    override package param params pass path print private protected protocol public pub raise range ref require
    required res result return returns self set should signed size sizeof some static str string struct super switch
    template test than that the their them then there they this throw throws to trait true try tuple two type typedef
    typeof undefined union unsigned use used using val value values var vec virtual void volatile want was were what
    when where which while will with without yield you
    """
}

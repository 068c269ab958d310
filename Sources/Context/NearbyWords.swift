/// The words around a place, with what they are worth for finding other files.
struct NearbyWords {
  /// A word and its worth.
  struct Word {
    let hash: UInt32
    /// `WordScanner.nameHash`, 0 for parts of identifiers.
    let name: UInt32
    /// 1 next to the place, less with each line.
    var closeness: Float
    /// True when a dot stands before it.
    let isMember: Bool
  }

  /// Bytes before and behind the place that count at most.
  private static let bytesBefore = 1_400
  private static let bytesBehind = 600
  /// Parts of words have three bytes, and so have words with what stands behind them: there are fewer than 1,200 in the
  /// bytes above, so that a table of this size never fills.
  static let slotCount = 2_048

  /// Distinct words by hash and name, in the order of first appearance from the place outwards.
  private(set) var words: [Word] = []

  init(prefix: [UInt8], suffix: [UInt8], _ weights: ContextWeights = ContextWeights()) {
    words.reserveCapacity(128)
    withUnsafeTemporaryAllocation(of: UInt16.self, capacity: Self.slotCount) { slots in
      slots.initialize(repeating: 0)
      let stops = StopWords()
      var scanned: [WordScanner.Word] = []
      scanned.reserveCapacity(32)
      prefix.withUnsafeBufferPointer { text in
        var end = text.count
        let lowest = max(0, end - Self.bytesBefore)
        var line = 0
        while end > lowest, line <= weights.linesBefore {
          var start = end
          while start > lowest, start == end || text[start - 1] != 0x0A { start -= 1 }
          scanned.removeAll(keepingCapacity: true)
          WordScanner.scan(text, start..<end, into: &scanned)
          add(scanned, closeness: weights.closeness(ofLine: line), stops, slots)
          end = start
          line += 1
        }
      }
      suffix.withUnsafeBufferPointer { text in
        var start = 0
        let highest = min(text.count, Self.bytesBehind)
        var line = 0
        while start < highest, line <= weights.linesBehind {
          var end = start
          while end < highest, end == start || text[end - 1] != 0x0A { end += 1 }
          scanned.removeAll(keepingCapacity: true)
          WordScanner.scan(text, start..<end, into: &scanned)
          add(scanned, closeness: weights.closeness(ofLine: line + 2), stops, slots)
          start = end
          line += 1
        }
      }
    }
  }

  /// Takes the words of a line; a slot holds the place of a word and 1.
  private mutating func add(
    _ scanned: [WordScanner.Word], closeness: Float, _ stops: StopWords,
    _ slots: UnsafeMutableBufferPointer<UInt16>
  ) {
    for word in scanned where !stops.contains(word.hash) {
      var slot = Int(word.hash ^ word.name) & (Self.slotCount - 1)
      while slots[slot] != 0 {
        let known = Int(slots[slot]) - 1
        if words[known].hash == word.hash, words[known].name == word.name { break }
        slot = (slot + 1) & (Self.slotCount - 1)
      }
      if slots[slot] != 0 {
        let known = Int(slots[slot]) - 1
        words[known].closeness = max(words[known].closeness, closeness)
        continue
      }
      words.append(Word(hash: word.hash, name: word.name, closeness: closeness, isMember: word.isMember))
      slots[slot] = UInt16(words.count)
    }
  }
}

/// What each nearby word is worth for finding chunks: its rarity times its closeness.
struct WordWorth {
  /// Distinct hashes.
  private var hashes: [UInt32] = []
  private var weights: [Float] = []
  /// Place in `hashes` and 1; 0 for none.
  private var slots = [UInt16](repeating: 0, count: NearbyWords.slotCount)

  init(_ nearby: NearbyWords, _ chunks: ChunkPostings) {
    hashes.reserveCapacity(nearby.words.count)
    weights.reserveCapacity(nearby.words.count)
    for word in nearby.words {
      let slot = slot(of: word.hash)
      if slots[slot] == 0 {
        hashes.append(word.hash)
        weights.append(word.closeness)
        slots[slot] = UInt16(hashes.count)
      } else {
        let known = Int(slots[slot]) - 1
        weights[known] = max(weights[known], word.closeness)
      }
    }
    for place in hashes.indices { weights[place] *= chunks.weight(of: hashes[place]) }
  }

  private func slot(of hash: UInt32) -> Int {
    var slot = Int(hash) & (NearbyWords.slotCount - 1)
    while slots[slot] != 0, hashes[Int(slots[slot]) - 1] != hash {
      slot = (slot + 1) & (NearbyWords.slotCount - 1)
    }
    return slot
  }

  /// 0 for words that are not near, or in too many chunks.
  subscript(hash: UInt32) -> Float {
    let place = Int(slots[slot(of: hash)])
    return place == 0 ? 0 : weights[place - 1]
  }

  /// The words that are worth most, at most `limit`; of equal ones those with smaller hashes.
  func best(_ limit: Int) -> [(word: UInt32, weight: Float)] {
    // Floats that are not negative are ordered as their bits are.
    var keys: [UInt64] = []
    keys.reserveCapacity(hashes.count)
    for (hash, weight) in zip(hashes, weights) where weight > 0 {
      keys.append(UInt64(weight.bitPattern) << 32 | UInt64(~hash))
    }
    keys.sort(by: >)
    return keys.prefix(limit).map {
      (~UInt32(truncatingIfNeeded: $0), Float(bitPattern: UInt32(truncatingIfNeeded: $0 >> 32)))
    }
  }
}

/// Finds many keywords in one pass over a text (Aho and Corasick, 1975), without regard to the case of ASCII letters.
struct KeywordAutomaton: Sendable {
  /// Class of every byte; bytes in no keyword share class 0.
  private let classes: [UInt8]
  private let classCount: Int
  /// Next state, by state times `classCount` plus class; states are premultiplied by `classCount`.
  private let table: [UInt32]
  /// States from here on (premultiplied) end a keyword.
  private let firstEnding: UInt32
  /// Keywords that end in a state, by state number less the number of states before the first ending one.
  private let endings: [[Int]]

  /// An automaton for keywords, each of at least one byte.
  init(_ keywords: [[UInt8]]) {
    var classes = [UInt8](repeating: 0, count: 256)
    var classCount = 1
    for byte in keywords.joined() where classes[Int(Self.fold(byte))] == 0 {
      classes[Int(Self.fold(byte))] = UInt8(classCount)
      classCount += 1
    }
    for byte in UInt8(ascii: "A")...UInt8(ascii: "Z") { classes[Int(byte)] = classes[Int(Self.fold(byte))] }
    let trie = Trie(keywords.map { $0.map { Int(classes[Int($0)]) } }, classCount: classCount)
    // States that end keywords go to the end of the numbering, so that one comparison tells them.
    let order = trie.next.indices.sorted {
      (trie.endings[$0].isEmpty ? 0 : 1, $0) < (trie.endings[$1].isEmpty ? 0 : 1, $1)
    }
    var place = [Int](repeating: 0, count: order.count)
    for (index, state) in order.enumerated() { place[state] = index }
    let silent = order.count { trie.endings[$0].isEmpty }
    var table: [UInt32] = []
    table.reserveCapacity(order.count * classCount)
    for state in order {
      for target in trie.next[state] { table.append(UInt32(place[target] * classCount)) }
    }
    self.classes = classes
    self.classCount = classCount
    self.table = table
    firstEnding = UInt32(silent * classCount)
    endings = order[silent...].map { trie.endings[$0] }
  }

  private static func fold(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }

  /// Calls `body` with the number of every keyword found and the offset behind it, in the order of the offsets.
  ///
  /// Complexity: linear in the text plus what `body` does.
  func scan(_ text: UnsafeBufferPointer<UInt8>, body: (_ keyword: Int, _ end: Int) -> Void) {
    classes.withUnsafeBufferPointer { classes in
      table.withUnsafeBufferPointer { table in
        var state: UInt32 = 0
        for index in 0..<text.count {
          state = table[Int(state) + Int(classes[Int(text[index])])]
          if state >= firstEnding {
            for keyword in endings[Int(state - firstEnding) / classCount] { body(keyword, index + 1) }
          }
        }
      }
    }
  }

  /// The trie with its failure links resolved into a table.
  private struct Trie {
    var next: [[Int]]
    var endings: [[Int]] = [[]]

    init(_ keywords: [[Int]], classCount: Int) {
      next = [[Int](repeating: -1, count: classCount)]
      for (number, keyword) in keywords.enumerated() {
        var state = 0
        for symbol in keyword {
          if next[state][symbol] < 0 {
            next.append([Int](repeating: -1, count: classCount))
            endings.append([])
            next[state][symbol] = next.count - 1
          }
          state = next[state][symbol]
        }
        endings[state].append(number)
      }
      resolve(classCount: classCount)
    }

    /// Breadth first: a missing edge leads where the longest proper suffix leads.
    private mutating func resolve(classCount: Int) {
      var failure = [Int](repeating: 0, count: next.count)
      var queue: [Int] = []
      for symbol in 0..<classCount {
        if next[0][symbol] < 0 { next[0][symbol] = 0 } else { queue.append(next[0][symbol]) }
      }
      var head = 0
      while head < queue.count {
        let state = queue[head]
        head += 1
        endings[state] += endings[failure[state]]
        for symbol in 0..<classCount {
          let target = next[state][symbol]
          if target < 0 {
            next[state][symbol] = next[failure[state]][symbol]
          } else {
            failure[target] = next[failure[state]][symbol]
            queue.append(target)
          }
        }
      }
    }
  }
}

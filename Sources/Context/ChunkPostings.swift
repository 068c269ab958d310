import Foundation

/// The chunks of all files and, for each word, the chunks that hold it.
struct ChunkPostings: Sendable {
  /// Chunks of file `f` are `fileStarts[f]..<fileStarts[f + 1]`.
  let fileStarts: [UInt32]
  /// File of each chunk.
  let files: [UInt32]
  /// 0-based first line of each chunk.
  let firstLines: [UInt32]
  /// Number of lines of each chunk.
  let lineCounts: [UInt16]
  /// Postings of word `w` are `wordStarts[w]..<wordStarts[w + 1]`.
  private let wordStarts: [UInt32]
  /// Chunk number; the top bit is set where the word occurs more than once.
  private let postings: [UInt32]
  /// Words with equal low bits share a row.
  private let mask: UInt32

  /// Number of chunks.
  var count: Int { files.count }
  private static let repeatedBit: UInt32 = 1 << 31

  /// - Parameter facts: gone through three times, so that they need not be in memory.
  init(_ facts: some Collection<FileFacts>) {
    var fileStarts: [UInt32] = [0]
    var files: [UInt32] = []
    var firstLines: [UInt32] = []
    var lineCounts: [UInt16] = []
    var total = 0
    for (number, item) in facts.enumerated() {
      for chunk in item.tables.chunks {
        files.append(UInt32(number))
        firstLines.append(UInt32(chunk.lines.lowerBound))
        lineCounts.append(UInt16(clamping: chunk.lines.count))
        total += chunk.words.count
      }
      fileStarts.append(UInt32(files.count))
    }
    // Twice as many rows as postings: few words share one.
    let bits = min(24, max(10, Int.bitWidth - total.leadingZeroBitCount + 1))
    let mask = UInt32(1 << bits - 1)
    // Counts stand two places on, so that a row's start can serve as its next free place and end as the next row's.
    var starts = [UInt32](repeating: 0, count: 1 << bits + 2)
    for item in facts {
      for chunk in item.tables.chunks {
        for word in chunk.words { starts[Int(word & mask) + 2] += 1 }
      }
    }
    for row in 1..<starts.count { starts[row] += starts[row - 1] }
    var postings = [UInt32](repeating: 0, count: total)
    var chunkNumber: UInt32 = 0
    for item in facts {
      for chunk in item.tables.chunks {
        for (rank, word) in chunk.words.enumerated() {
          let row = Int(word & mask) + 1
          postings[Int(starts[row])] = chunkNumber | (rank < chunk.repeated ? Self.repeatedBit : 0)
          starts[row] += 1
        }
        chunkNumber += 1
      }
    }
    self.fileStarts = fileStarts
    self.files = files
    self.firstLines = firstLines
    self.lineCounts = lineCounts
    wordStarts = starts
    self.postings = postings
    self.mask = mask
  }

  /// 0-based lines of a chunk.
  func lines(of chunk: Int) -> Range<Int> {
    Int(firstLines[chunk])..<Int(firstLines[chunk]) + Int(lineCounts[chunk])
  }

  /// Chunks of a file.
  func chunks(of file: Int) -> Range<Int> { Int(fileStarts[file])..<Int(fileStarts[file + 1]) }

  /// In how many chunks a word occurs.
  func frequency(of word: UInt32) -> Int {
    let row = Int(word & mask)
    return Int(wordStarts[row + 1] - wordStarts[row])
  }

  /// Inverse document frequency as BM25 has it (Robertson and Walker 1994); 0 for words that no chunk has, and for those
  /// that more than a tenth of them has.
  func weight(of word: UInt32) -> Float {
    let frequency = frequency(of: word)
    guard frequency > 0, frequency * 10 <= max(count, 50) else { return 0 }
    return Float(log(1 + (Double(count - frequency) + 0.5) / (Double(frequency) + 0.5)))
  }

  /// Adds words' weights to the scores of the chunks that hold them; chunks seen for the first time go to `touched`.
  ///
  /// - Parameters:
  ///   - scores: one for each chunk.
  ///   - touched: room for all chunks.
  ///   - touchedCount: how many of them there are.
  func add(
    _ words: [(word: UInt32, weight: Float)], to scores: inout [Float], touched: inout [UInt32],
    touchedCount: inout Int
  ) {
    precondition(scores.count == count && touched.count == count, "room for every chunk")
    scores.withUnsafeMutableBufferPointer { scores in
      touched.withUnsafeMutableBufferPointer { touched in
        postings.withUnsafeBufferPointer { postings in
          for (word, weight) in words {
            let row = Int(word & mask)
            // BM25's saturation for one and for a few occurrences; chunks are of like length.
            let repeated = weight * 1.4
            for place in Int(wordStarts[row])..<Int(wordStarts[row + 1]) {
              let posting = postings[place]
              let chunk = Int(posting & ~Self.repeatedBit)
              let score = scores[chunk]
              if score == 0 {
                touched[touchedCount] = UInt32(chunk)
                touchedCount += 1
              }
              scores[chunk] = score + (posting & Self.repeatedBit == 0 ? weight : repeated)
            }
          }
        }
      }
    }
  }
}

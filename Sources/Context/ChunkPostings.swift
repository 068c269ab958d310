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
  /// Most postings that a query goes through, so that its cost does not grow with the repository. Words come in the order of
  /// their worth; one that does not fit any more is in many chunks and would tell little.
  private static let postingLimit = 4_000

  /// - Parameter facts: gone through three times, so that they need not be in memory.
  init(_ facts: some Collection<FileFacts>) {
    var fileStarts: [UInt32] = [0]
    var files: [UInt32] = []
    var firstLines: [UInt32] = []
    var lineCounts: [UInt16] = []
    var total = 0
    for (number, item) in facts.enumerated() {
      FactTables.forEachChunk(of: item.encoded) { lines, words, _ in
        files.append(UInt32(number))
        firstLines.append(UInt32(lines.lowerBound))
        lineCounts.append(UInt16(clamping: lines.count))
        total += words.count / 3
      }
      fileStarts.append(UInt32(files.count))
    }
    // Twice as many rows as postings: few words share one.
    let bits = min(24, max(10, Int.bitWidth - total.leadingZeroBitCount + 1))
    let mask = UInt32(1 << bits - 1)
    // Counts stand two places on, so that a row's start can serve as its next free place and end as the next row's.
    var starts = [UInt32](repeating: 0, count: 1 << bits + 2)
    for item in facts {
      FactTables.forEachChunk(of: item.encoded) { _, words, _ in
        for rank in 0..<words.count / 3 { starts[Int(Self.word(words, rank) & mask) + 2] += 1 }
      }
    }
    starts.withUnsafeMutableBufferPointer { starts in
      for row in 1..<starts.count { starts[row] += starts[row - 1] }
    }
    var postings = [UInt32](repeating: 0, count: total)
    var chunkNumber: UInt32 = 0
    for item in facts {
      FactTables.forEachChunk(of: item.encoded) { _, words, repeated in
        for rank in 0..<words.count / 3 {
          let row = Int(Self.word(words, rank) & mask) + 1
          postings[Int(starts[row])] = chunkNumber | (rank < repeated ? Self.repeatedBit : 0)
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

  /// A word of a chunk as it is packed.
  @inline(__always)
  private static func word(_ packed: UnsafeRawBufferPointer, _ rank: Int) -> UInt32 {
    UInt32(packed[3 * rank]) | UInt32(packed[3 * rank + 1]) << 8 | UInt32(packed[3 * rank + 2]) << 16
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

  /// Adds words' weights to the scores of the chunks that hold them; chunks seen for the first time go to `touched`. Words
  /// beyond `postingLimit` are passed over.
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
          var left = Self.postingLimit
          for (word, weight) in words {
            let row = Int(word & mask)
            let extent = Int(wordStarts[row])..<Int(wordStarts[row + 1])
            guard extent.count <= left else { continue }
            left -= extent.count
            // BM25's saturation for one and for a few occurrences; chunks are of like length.
            let repeated = weight * 1.4
            for place in extent {
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

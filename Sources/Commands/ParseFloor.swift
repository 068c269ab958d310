import Corpus
import Foundation
import Numerics
import Synchronization
import Syntax

/// The parser alone, on all cores: what no carver can be faster than.
struct ParseFloor {
  let catalog: LanguageCatalog
  let threads: Int

  /// Contents that are held at a time, in bytes.
  private static let batchBytes = 64 << 20

  /// Seconds to parse the files once; each tree is freed at once. Reading is not counted: files are read in batches
  /// before the clock runs.
  ///
  /// - Parameter read: the clean text of a file, nil for one that is left out.
  func seconds(_ entries: [SourceEntry], read: @Sendable (SourceEntry) -> SourceFile?) -> Double {
    var total = 0.0
    var next = entries.startIndex
    while next < entries.endIndex {
      var batch: [SourceFile] = []
      var bytes = 0
      while next < entries.endIndex, bytes < Self.batchBytes {
        if let file = read(entries[next]) {
          batch.append(file)
          bytes += file.bytes.count
        }
        next += 1
      }
      total += seconds(batch)
    }
    return total
  }

  private func seconds(_ files: [SourceFile]) -> Double {
    let next = Atomic(0)
    return MachineLimits.time {
      DispatchQueue.concurrentPerform(iterations: threads) { _ in
        while true {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < files.count else { return }
          _ = catalog.language(named: files[index].language)?.parsesAlone(files[index].bytes)
        }
      }
    }
  }
}

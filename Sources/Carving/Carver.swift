import Corpus
import Foundation
import Synchronization
import Syntax

/// Cuts fill-in-the-middle examples out of source files.
///
/// The same options, files and epoch give the same examples, at any number of threads: every file has a random
/// generator of its own, seeded with the options' seed, its path and the epoch.
public struct Carver: Sendable {
  private let options: CarveOptions
  private let catalog: LanguageCatalog

  /// A carver that knows the catalog's languages; others are carved by indentation.
  public init(options: CarveOptions, catalog: LanguageCatalog) {
    self.options = options
    self.catalog = catalog
  }

  /// The examples of one epoch, in the order of the files. Another epoch gives other holes.
  ///
  /// Uses all cores and blocks until all is done. Returns early, with what is done, when the task that calls it is
  /// cancelled.
  ///
  /// - Parameter progress: called on the caller's thread now and then, with the number of files begun.
  public func examples(
    from files: [SourceFile], epoch: Int, progress: ((Int) -> Void)? = nil
  ) -> [FIMExample] {
    let results = Mutex([[FIMExample]](repeating: [], count: files.count))
    let next = Mutex(0)
    let workers = min(
      max(1, options.threads ?? ProcessInfo.processInfo.activeProcessorCount), max(1, files.count))
    let caller = pthread_self()
    withoutActuallyEscaping(progress ?? { _ in }) { progress in
      // Only the caller's own thread, which takes part, calls the closure.
      nonisolated(unsafe) let progress = progress
      DispatchQueue.concurrentPerform(iterations: workers) { _ in
        let isCaller = pthread_equal(caller, pthread_self()) != 0
        while true {
          // The other threads do not belong to the task and cannot see that it is cancelled.
          let isOver = isCaller && Task.isCancelled
          let index = next.withLock { value in
            if isOver { value = files.count }
            value += 1
            return value - 1
          }
          guard index < files.count else { return }
          if isCaller { progress(index) }
          let found = carve(files[index], epoch: epoch)
          results.withLock { $0[index] = found }
        }
      }
    }
    return limited(results.withLock { $0.flatMap { $0 } }, epoch: epoch)
  }

  private func carve(_ file: SourceFile, epoch: Int) -> [FIMExample] {
    var generator = SeededGenerator(seed: options.seed, path: file.path, epoch: epoch)
    let parsed = catalog.parse(file.bytes, language: file.language, timeoutMs: FileCarver.parseTimeoutMs)
    var carver = FileCarver(
      file: file, parts: parsed.parts, settings: options.settings, seed: generator.next())
    return carver.carve().holes.compactMap { $0.example(in: file) }
  }

  /// A random choice of `limit` examples, in their order.
  private func limited(_ examples: [FIMExample], epoch: Int) -> [FIMExample] {
    guard let limit = options.limit, examples.count > limit else { return examples }
    var generator = SeededGenerator(seed: options.seed, path: "", epoch: epoch)
    return examples.indices.shuffled(using: &generator).prefix(max(0, limit)).sorted().map { examples[$0] }
  }
}

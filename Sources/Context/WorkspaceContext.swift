import Corpus
import Dispatch
import Foundation
import Synchronization
import Syntax

/// The context of the documents of one folder, for a server: indexed in the background, brought up to date after saves,
/// and answered from what is there.
///
/// Files that ignore rules, hygiene or attributes keep out never enter, not even as open documents; secrets are
/// replaced. Reading and parsing happen on a thread of low priority, answers on a queue of the actor's own, so that
/// Swift's cooperative pool stays free.
public actor WorkspaceContext {
  /// Told of the texts that are read, on the thread that reads them.
  public protocol Observer: Sendable {
    /// A file's cleaned text was read; nil where it is not, or no longer, let in.
    func read(path: String, text: [UInt8]?)
    /// All files that are let in have been read; those of `paths` are all there are.
    func finished(paths: Set<String>)
  }

  /// How much of a folder is read.
  public struct Limits: Sendable {
    /// Most files.
    public var files = 20_000
    /// Most bytes of source.
    public var bytes = 128 << 20
    /// Bytes of files kept in memory.
    public var cacheBytes = 16 << 20
    /// Milliseconds after which a file counts as text without a grammar.
    public var parseTimeoutMs = 1_000
    /// Whether reading gives way to all other work; not where somebody waits for it.
    public var givesWay = true
    /// Milliseconds from a save to the work that it causes; what follows within them is done along with it.
    public var saveDelayMs = 300
    /// The same for typed text.
    public var typingDelayMs = 10_000

    /// The defaults: a folder of a few million lines.
    public init() {}
  }

  /// Absolute path of the folder.
  public nonisolated let root: String
  private nonisolated let executor = ContextExecutor()
  private nonisolated let cancelled = CancellationFlag()
  private let limits: Limits
  private let options: ContextOptions
  private let scan: WorkspaceScan
  private var snapshot = WorkspaceScan.Snapshot()
  private var changes = WorkspaceScan.Changes()
  private var isScanning = false
  /// When the scheduled work is due; nil when none is.
  private var due: DispatchTime?
  private var sticky: [String: StickyChoice] = [:]
  private var stickyOrder: [String] = []
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private static let stickyDocuments = 64

  /// The actor's own queue.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// The context of a folder. Nothing is read before `start()`. The `observer` is told of every text that is read.
  public init(
    root: String, catalog: LanguageCatalog, limits: Limits = Limits(),
    options: ContextOptions = ContextOptions(), observer: (any Observer)? = nil
  ) {
    self.root = root
    self.limits = limits
    self.options = options
    scan = WorkspaceScan(
      root: root, catalog: catalog, hygiene: FileHygiene(catalog: catalog), limits: limits,
      observer: observer)
  }

  /// Begins to read the folder in the background.
  public func start() {
    changes.listing = true
    schedule(afterMs: 0)
  }

  /// Ends work in the background, for good.
  public nonisolated func stop() { cancelled.set() }

  /// True when all files have been read.
  public var isComplete: Bool { snapshot.isComplete }
  /// Number of files in the index.
  public var fileCount: Int { snapshot.builder?.index.fileCount ?? 0 }

  /// Returns when everything reported so far is in the index.
  public func settle() async {
    guard isScanning || !changes.isEmpty else { return }
    schedule(afterMs: 0)
    await withCheckedContinuation { waiting.append($0) }
  }

  /// An open document's text, saved or not; it stands for the file's until the document is closed.
  public func documentChanged(path: String, text: [UInt8]) {
    changes.documents[path] = .some(text)
    schedule(afterMs: limits.typingDelayMs)
  }

  /// A document was written to disk: the index follows soon, and the document's snippets are chosen anew.
  public func documentSaved(path: String) {
    forget(path)
    changes.paths.insert(path)
    schedule(afterMs: limits.saveDelayMs)
  }

  /// A document was closed: the file on disk counts again.
  public func documentClosed(path: String) {
    forget(path)
    changes.documents[path] = .some(nil)
    schedule(afterMs: limits.saveDelayMs)
  }

  /// Files that were made, changed or removed by other programs.
  public func filesChanged(paths: [String]) {
    changes.listing = true
    changes.paths.formUnion(paths)
    schedule(afterMs: limits.saveDelayMs)
  }

  /// Snippets for a place, from what is there now.
  public func snippets(for query: ContextQuery) -> [ContextSnippet] {
    snapshot.builder?.snippets(for: query) ?? []
  }

  /// Snippets for a cursor in a document, the same as the last time while only the text around the cursor changes; see
  /// `StickyChoice` for the rule.
  ///
  /// - Parameters:
  ///   - path: Path below the root.
  ///   - language: Name of its language as in `grammars/`.
  ///   - text: The document.
  ///   - cursor: Byte offset in `text`.
  ///   - window: Bytes of `text` that the prompt shows; they hold the cursor.
  ///   - windowMoved: True when the window is not the last one of this document, grown.
  ///   - budgetBytes: Most bytes of all snippets with their paths. Must not depend on how much has been typed: another
  ///     budget makes another choice.
  public func stickySnippets(
    document path: String, language: String, text: [UInt8], cursor: Int, window: Range<Int>,
    windowMoved: Bool,
    budgetBytes: Int
  ) -> [ContextSnippet] {
    guard cursor >= 0, cursor <= text.count, let builder = snapshot.builder else { return [] }
    let last = sticky[path]
    if let last, !windowMoved, last.isComplete || !snapshot.isComplete,
      last.holds(text: text, cursor: cursor, budgetBytes: budgetBytes)
    {
      return last.snippets
    }
    let window = window.clamped(to: 0..<text.count)
    let query = ContextQuery(
      path: path, language: language, prefix: Array(text[min(window.lowerBound, cursor)..<cursor]),
      suffix: Array(text[cursor..<max(window.upperBound, cursor)]), budgetBytes: budgetBytes,
      limit: options.maximumSnippets, maximumLines: options.maximumLines)
    let fresh = builder.snippets(for: query)
    let choice = StickyChoice(
      last?.ordered(fresh) ?? fresh, budgetBytes: budgetBytes, isComplete: snapshot.isComplete, text: text,
      cursor: cursor, known: snapshot.texts[path] ?? text, chunks: snapshot.facts[path]?.chunkLines ?? [])
    remember(path, choice)
    return choice.snippets
  }

  private func remember(_ path: String, _ choice: StickyChoice) {
    stickyOrder.removeAll { $0 == path }
    stickyOrder.append(path)
    sticky[path] = choice
    if stickyOrder.count > Self.stickyDocuments { sticky[stickyOrder.removeFirst()] = nil }
  }

  private func forget(_ path: String) {
    sticky[path] = nil
    stickyOrder.removeAll { $0 == path }
  }

  // MARK: Work in the background

  private func schedule(afterMs delay: Int) {
    let wanted = DispatchTime.now() + .milliseconds(delay)
    if let due, due <= wanted { return }
    due = wanted
    executor.queue.asyncAfter(deadline: wanted) { [weak self] in
      Task { await self?.begin() }
    }
  }

  private func begin() {
    guard let due, due <= .now() else { return }
    self.due = nil
    // What comes meanwhile is looked at when the work ends.
    guard !isScanning else { return }
    guard !changes.isEmpty, !cancelled.isSet else { return finishWaiting() }
    isScanning = true
    let (scan, old, work, cancelled) = (scan, snapshot, changes, cancelled)
    changes = WorkspaceScan.Changes()
    ReadingThread.run(givesWay: limits.givesWay) { [weak self] in
      let fresh = scan.update(old, work, isCancelled: { cancelled.isSet }) { partial in
        Task { await self?.install(partial) }
      }
      Task { await self?.finish(fresh) }
    }
  }

  private func install(_ partial: WorkspaceScan.Snapshot) {
    if isScanning { snapshot = partial }
  }

  private func finish(_ fresh: WorkspaceScan.Snapshot) {
    snapshot = fresh
    isScanning = false
    if changes.isEmpty || cancelled.isSet { return finishWaiting() }
    // Typing goes on for longer than a scan: it alone must not make one follow the other.
    let delay = changes.isTyping ? limits.typingDelayMs : limits.saveDelayMs
    schedule(afterMs: waiting.isEmpty ? delay : 0)
  }

  private func finishWaiting() {
    for continuation in waiting { continuation.resume() }
    waiting = []
  }
}

/// Runs an actor's jobs on a queue of its own.
private final class ContextExecutor: SerialExecutor {
  let queue = DispatchQueue(label: "gemfill.context", qos: .userInitiated)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}

/// Set once, read from any thread.
private final class CancellationFlag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

/// The thread that reads; it gives way to everything else unless somebody waits for it: completions come first.
private enum ReadingThread {
  static func run(givesWay: Bool, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread {
      #if os(Linux)
        // On Linux, 0 is the calling thread, not the process.
        if givesWay { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 15) }
      #endif
      body()
    }
    // Parsers recurse; a thread's default stack is small.
    thread.stackSize = 8 << 20
    thread.start()
  }
}

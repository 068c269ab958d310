import Numerics

/// Keys and values of one token sequence, for every layer: a list of pages, shared with other sequences where they begin
/// alike and copied before they are written to. Not thread-safe: one owner at a time.
///
/// Sliding-window layers keep all positions, so that cutting back and branching never need recomputation.
public final class KVSequence {
  /// Most positions it can hold.
  public let capacity: Int
  /// Positions filled.
  public private(set) var count = 0
  /// Where its pages come from.
  public let pool: KVPagePool
  private var pages: [KVPage] = []
  private let table: Buffer<UnsafePointer<UInt8>?>

  private static var size: Int { PagedHead.positions }

  /// An empty sequence of at most `capacity` positions; memory is taken as it fills.
  public init(_ pool: KVPagePool, capacity: Int) {
    self.pool = pool
    self.capacity = capacity
    table = Buffer([UnsafePointer<UInt8>?](repeating: nil, count: (capacity + Self.size - 1) / Self.size + 1))
  }

  /// Forgets everything behind the first `positions`.
  public func truncate(to positions: Int) {
    count = min(count, max(0, positions))
    let kept = (count + Self.size - 1) / Self.size
    if pages.count > kept { pages.removeLast(pages.count - kept) }
  }

  /// A sequence with the same beginning that grows on its own. All pages are shared until one of the two writes.
  public func fork() -> KVSequence {
    let copy = KVSequence(pool, capacity: capacity)
    copy.pages = pages
    copy.count = count
    copy.truncate(to: count)
    copy.fillTable(from: 0)
    return copy
  }

  /// Bytes of its pages, shared ones included.
  public var byteCount: Int { pages.count * pool.pageBytes }

  /// Pages by position, for kernels; valid until the sequence changes.
  var pageTable: UnsafePointer<UnsafePointer<UInt8>?> { UnsafePointer(table.pointer) }

  /// The page to write position `position` to.
  func page(of position: Int) -> UnsafeMutablePointer<UInt8> { pages[position / Self.size].memory.pointer }

  /// Makes room up to `positions`, with pages of its own from `count` on.
  ///
  /// - Throws: `GemmaError.contextOverflow`.
  func reserve(_ positions: Int) throws(GemmaError) {
    guard positions <= capacity else { throw .contextOverflow(positions: positions, limit: capacity) }
    let first = count / Self.size
    if first < pages.count, positions > count, !isKnownUniquelyReferenced(&pages[first]) {
      let copy = pool.page()
      copy.memory.pointer.update(from: pages[first].memory.pointer, count: pool.pageBytes)
      pages[first] = copy
    }
    while pages.count * Self.size < positions { pages.append(pool.page()) }
    fillTable(from: first)
  }

  func advance(by positions: Int) {
    count += positions
  }

  private func fillTable(from first: Int) {
    for index in first..<max(first, pages.count) {
      table.pointer[index] = UnsafePointer(pages[index].memory.pointer)
    }
  }

  // MARK: - Snapshots

  /// Pages that hold its positions.
  public var pageCount: Int { (count + Self.size - 1) / Self.size }

  /// The bytes of page `index`, as `init(_:capacity:count:filling:)` takes them.
  ///
  /// - Precondition: `index < pageCount`.
  public func withPage<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try body(UnsafeRawBufferPointer(start: pages[index].memory.pointer, count: pool.pageBytes))
  }

  /// A sequence of `count` positions whose pages `fill` writes, all `pool.pageBytes` of each.
  ///
  /// The caller answers for the contents: they must come from `withPage` of the same model, layout and tokens. Numbers that
  /// are not finite give logits that are not finite, nothing worse.
  /// - Throws: `GemmaError.contextOverflow`, and what `fill` throws.
  public convenience init(
    _ pool: KVPagePool, capacity: Int, count: Int,
    filling fill: (_ page: Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    self.init(pool, capacity: capacity)
    try reserve(count)
    for (index, page) in pages.enumerated() {
      try fill(index, UnsafeMutableRawBufferPointer(start: page.memory.pointer, count: pool.pageBytes))
    }
    advance(by: count)
  }
}

import Numerics
import Synchronization

/// Where the keys and values of each layer lie in a page of `PagedHead.positions` positions.
public struct KVLayout: Sendable {
  /// How single values are kept.
  public let format: KVFormat
  /// Bytes of one page, all layers together.
  public let pageBytes: Int
  /// By layer and key/value head; layers that share keys point to those of the owner.
  let heads: [[PagedHead]]

  /// The layout of a model's keys and values.
  public init(_ configuration: GemmaConfiguration, format: KVFormat) {
    var offsets: [Int] = []
    var end = 0
    for layer in configuration.layers {
      offsets.append(end)
      guard layer.ownsKeys else { continue }
      end += layer.keyValueHeadCount * PagedHead.byteCount(headDim: layer.headDim, format: format)
    }
    heads = configuration.layers.enumerated().map { index, layer in
      let bytes = PagedHead.byteCount(headDim: layer.headDim, format: format)
      return (0..<layer.keyValueHeadCount).map { head in
        PagedHead(
          offset: offsets[layer.sharesKeysOf ?? index] + head * bytes, headDim: layer.headDim, format: format,
          scale: layer.attentionScale, cap: layer.attentionCap)
      }
    }
    self.format = format
    pageBytes = max(64, end)
  }
}

/// Keys and values of `PagedHead.positions` consecutive positions, for every layer. Sequences that begin alike share it.
final class KVPage {
  let memory: Buffer<UInt8>
  private let pool: KVPagePool

  fileprivate init(_ memory: Buffer<UInt8>, _ pool: KVPagePool) {
    self.memory = memory
    self.pool = pool
  }

  deinit { pool.take(back: memory) }
}

/// Hands out pages and counts the bytes of those in use. One per model; sequences of one pool may share pages.
public final class KVPagePool: Sendable {
  private struct State {
    var spare: [Buffer<UInt8>] = []
    var pagesInUse = 0
  }

  /// Positions of one page.
  public static let pagePositions = PagedHead.positions
  /// Where things lie in a page.
  public let layout: KVLayout
  private let state = Mutex(State())

  /// Most pages that are kept for reuse once their sequences are gone.
  private static let spareLimit = 64

  /// A pool of pages for `configuration`.
  public init(_ configuration: GemmaConfiguration, format: KVFormat) {
    layout = KVLayout(configuration, format: format)
  }

  /// Bytes of one page.
  public var pageBytes: Int { layout.pageBytes }

  /// Bytes of all pages that sequences hold, shared ones counted once.
  public var bytesInUse: Int { state.withLock { $0.pagesInUse } * layout.pageBytes }

  /// A page with any contents; all of them finite numbers.
  func page() -> KVPage {
    let spare = state.withLock { state in
      state.pagesInUse += 1
      return state.spare.popLast()
    }
    return KVPage(spare ?? Buffer(layout.pageBytes), self)
  }

  fileprivate func take(back memory: Buffer<UInt8>) {
    state.withLock { state in
      state.pagesInUse -= 1
      if state.spare.count < Self.spareLimit { state.spare.append(memory) }
    }
  }
}

import Numerics

/// Keys and values of one token sequence, for every layer. Owned by one session; not shared between threads.
///
/// Sliding-window layers keep all positions, so that cutting back never needs recomputation.
public final class KVSequence {
  /// Most positions it can hold.
  public let capacity: Int
  /// Positions filled.
  public private(set) var count = 0
  private let configuration: GemmaConfiguration
  let widths: [Int]  // per layer; 0 where it reads another layer's
  private(set) var keys: [FloatBuffer] = []  // per layer [allocated, width]
  private(set) var values: [FloatBuffer] = []
  private var allocated = 0

  /// An empty cache for `configuration`, of at most `capacity` positions; memory is taken as it fills.
  public init(_ configuration: GemmaConfiguration, capacity: Int) {
    self.capacity = capacity
    self.configuration = configuration
    widths = configuration.layers.map { $0.ownsKeys ? $0.keyWidth : 0 }
    keys = (0..<configuration.layerCount).map { _ in FloatBuffer(0) }
    values = (0..<configuration.layerCount).map { _ in FloatBuffer(0) }
  }

  /// Forgets everything behind the first `positions`.
  public func truncate(to positions: Int) {
    count = min(count, max(0, positions))
  }

  /// A sequence with the same beginning that grows on its own.
  public func fork() -> KVSequence {
    let copy = KVSequence(configuration, capacity: capacity)
    copy.keys = keys.map { FloatBuffer($0.array) }
    copy.values = values.map { FloatBuffer($0.array) }
    copy.allocated = allocated
    copy.count = count
    return copy
  }

  /// Bytes that it holds.
  public var byteCount: Int { (keys + values).reduce(0) { $0 + $1.count * 4 } }

  func reserve(_ positions: Int) throws(GemmaError) {
    guard positions <= capacity else { throw .contextOverflow(positions: positions, limit: capacity) }
    guard positions > allocated else { return }
    let size = min(capacity, max(positions, allocated * 2, 256))
    func grown(_ old: FloatBuffer, _ width: Int) -> FloatBuffer {
      let new = FloatBuffer(size * width)
      new.pointer.update(from: old.pointer, count: count * width)
      return new
    }
    keys = zip(keys, widths).map(grown)
    values = zip(values, widths).map(grown)
    allocated = size
  }

  func advance(by positions: Int) {
    count += positions
  }
}

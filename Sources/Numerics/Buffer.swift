import Foundation

/// 64-byte aligned memory of `count` elements, zeroed, freed with the object. Large blocks ask the system for large pages,
/// which it grants or not.
///
/// Not synchronised: whoever shares it between threads cuts it into disjoint parts.
public final class Buffer<Element: BitwiseCopyable>: @unchecked Sendable {
  // @unchecked: a plain block of memory; users keep to disjoint parts per thread (WorkerPool chunks).

  /// Number of elements.
  public let count: Int
  /// First element.
  public let pointer: UnsafeMutablePointer<Element>

  private static var largePage: Int { 1 << 21 }

  /// Allocates `count` zeroed elements.
  public init(_ count: Int) {
    precondition(count >= 0, "negative buffer size")
    self.count = count
    let bytes = max(64, count * MemoryLayout<Element>.stride)
    let isLarge = bytes >= Self.largePage
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.largePage : 64)
    #if os(Linux)
      if isLarge { madvise(raw, bytes, Int32(MADV_HUGEPAGE)) }
    #endif
    memset(raw, 0, bytes)
    pointer = raw.bindMemory(to: Element.self, capacity: max(1, count))
  }

  /// Copies an array.
  public convenience init(_ values: [Element]) {
    self.init(values.count)
    values.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { pointer.update(from: base, count: values.count) }
    }
  }

  deinit {
    UnsafeMutableRawPointer(pointer).deallocate()
  }

  /// Element access with a bounds check in debug builds.
  public subscript(index: Int) -> Element {
    get {
      assert(index >= 0 && index < count)
      return pointer[index]
    }
    set {
      assert(index >= 0 && index < count)
      pointer[index] = newValue
    }
  }

  /// A copy of the contents.
  public var array: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}

/// `Buffer` of f32.
public typealias FloatBuffer = Buffer<Float>

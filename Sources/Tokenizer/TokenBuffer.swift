/// Tokens as they are found; like an array, but appending up to three costs one check.
struct TokenBuffer {
  private var storage: [Int32] = []
  private(set) var count = 0

  /// Appends the first `count` of three tokens.
  @inline(__always)
  mutating func append(_ tokens: (Int32, Int32, Int32), count added: Int) {
    if storage.count - count < 3 { grow(by: 3) }
    storage[count] = tokens.0
    storage[count + 1] = tokens.1
    storage[count + 2] = tokens.2
    count += added
  }

  @inline(__always)
  mutating func append(_ token: Int32) { append((token, 0, 0), count: 1) }

  mutating func append(_ tokens: ArraySlice<Int32>) {
    for token in tokens { append(token) }
  }

  mutating func removeAll() { count = 0 }

  /// The tokens so far.
  var tokens: [Int32] { Array(storage[..<count]) }

  /// The tokens from a place on.
  subscript(from start: Int) -> ArraySlice<Int32> { storage[start..<count] }

  private mutating func grow(by more: Int) {
    let size = max(64, storage.count + storage.count / 2 + more)
    storage.append(contentsOf: repeatElement(0, count: size - storage.count))
  }
}

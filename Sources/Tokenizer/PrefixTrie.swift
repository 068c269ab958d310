/// Finds the longest of a set of pieces that a text begins with.
struct PrefixTrie: Sendable {
  private struct Node {
    let byte: UInt8
    var token: Int32 = -1
    var firstChild: Int32 = -1
    var nextSibling: Int32 = -1
  }

  private var nodes: [Node] = []
  private var roots = [Int32](repeating: -1, count: 256)

  /// Adds a piece; of equal pieces the first counts.
  mutating func insert(_ piece: ArraySlice<UInt8>, token: Int32) {
    guard let first = piece.first else { return }
    if roots[Int(first)] < 0 { roots[Int(first)] = append(first) }
    var node = roots[Int(first)]
    for byte in piece.dropFirst() {
      if let child = child(of: node, byte) {
        node = child
      } else {
        let child = append(byte)
        nodes[Int(child)].nextSibling = nodes[Int(node)].firstChild
        nodes[Int(node)].firstChild = child
        node = child
      }
    }
    if nodes[Int(node)].token < 0 { nodes[Int(node)].token = token }
  }

  /// The token and length of the longest piece that stands at `start`.
  func longestMatch(in text: UnsafeBufferPointer<UInt8>, at start: Int) -> (token: Int32, count: Int)? {
    var node = roots[Int(text[start])]
    var position = start + 1
    var best: (Int32, Int)?
    while node >= 0 {
      let token = nodes[Int(node)].token
      if token >= 0 { best = (token, position - start) }
      guard position < text.count, let child = child(of: node, text[position]) else { break }
      node = child
      position += 1
    }
    return best
  }

  private mutating func append(_ byte: UInt8) -> Int32 {
    nodes.append(Node(byte: byte))
    return Int32(nodes.count - 1)
  }

  private func child(of node: Int32, _ byte: UInt8) -> Int32? {
    var child = nodes[Int(node)].firstChild
    while child >= 0 {
      if nodes[Int(child)].byte == byte { return child }
      child = nodes[Int(child)].nextSibling
    }
    return nil
  }
}

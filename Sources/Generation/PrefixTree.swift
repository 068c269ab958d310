/// Token sequences with a value each, found by the longest beginning that they share with another sequence.
///
/// A radix tree: each node has a run of tokens, and the path from the root to a node with an entry is that entry's
/// sequence. Every leaf has an entry. No entry's sequence is the beginning of another one's.
struct PrefixTree<Value> {
  /// One remembered sequence.
  final class Entry {
    let value: Value
    /// Length of its sequence.
    let count: Int
    fileprivate weak var node: Node?  // nil once it has left the tree

    fileprivate init(value: Value, count: Int, node: Node) {
      self.value = value
      self.count = count
      self.node = node
    }
  }

  fileprivate final class Node {
    var label: [Int32]
    var children: [Int32: Node] = [:]  // by the first token of their labels
    var entry: Entry?
    unowned(unsafe) var parent: Node?  // a parent owns its children and is never freed before them

    init(label: [Int32], parent: Node?) {
      self.label = label
      self.parent = parent
    }
  }

  private let root = Node(label: [], parent: nil)

  /// True without entries.
  var isEmpty: Bool { root.children.isEmpty && root.entry == nil }

  /// The entry that shares the longest beginning with `tokens`, and how long that is; nil where none shares a token.
  ///
  /// - Complexity: O(`tokens.count` + depth of the tree).
  func longestMatch(_ tokens: [Int32]) -> (entry: Entry, shared: Int)? {
    var node = root
    var position = 0
    while position < tokens.count, let child = node.children[tokens[position]] {
      let shared = Self.shared(child.label, tokens, from: position)
      position += shared
      node = child
      if shared < child.label.count { break }
    }
    guard position > 0, let entry = Self.anyEntry(below: node) else { return nil }
    return (entry, position)
  }

  /// Remembers `tokens` with the value that `make` gives.
  ///
  /// Entries whose sequences are beginnings of it are removed and returned, since the new one serves in their place. Where an
  /// entry begins with `tokens` itself (or has just these), that one is returned as `existing` and nothing changes.
  mutating func insert(
    _ tokens: [Int32], _ make: () -> Value
  ) -> (inserted: Entry?, existing: Entry?, superseded: [Entry]) {
    guard !tokens.isEmpty else { return (nil, nil, []) }
    var superseded: [Entry] = []
    var node = root
    var position = 0
    while position < tokens.count {
      guard let child = node.children[tokens[position]] else { break }
      let shared = Self.shared(child.label, tokens, from: position)
      position += shared
      guard shared == child.label.count else {
        if position == tokens.count { return (nil, Self.anyEntry(below: child), []) }
        node = Self.split(child, at: shared)
        break
      }
      node = child
      if let entry = child.entry, position < tokens.count { superseded.append(entry) }
    }
    if position == tokens.count { return (nil, Self.anyEntry(below: node), []) }
    for entry in superseded { entry.node?.entry = nil }
    let leaf = Node(label: Array(tokens[position...]), parent: node)
    node.children[tokens[position]] = leaf
    let entry = Entry(value: make(), count: tokens.count, node: leaf)
    leaf.entry = entry
    for entry in superseded {
      if let node = entry.node { Self.tidy(node) }
    }
    return (entry, nil, superseded)
  }

  /// The sequence of an entry of this tree; empty once it has been removed.
  func tokens(of entry: Entry) -> [Int32] {
    guard entry.node?.entry === entry else { return [] }
    var labels: [[Int32]] = []
    var node = entry.node
    while let one = node {
      labels.append(one.label)
      node = one.parent
    }
    return labels.reversed().flatMap { $0 }
  }

  /// Forgets an entry of this tree.
  mutating func remove(_ entry: Entry) {
    guard let node = entry.node, node.entry === entry else { return }
    node.entry = nil
    Self.tidy(node)
  }

  private static func shared(_ label: [Int32], _ tokens: [Int32], from position: Int) -> Int {
    let limit = min(label.count, tokens.count - position)
    var count = 0
    while count < limit, label[count] == tokens[position + count] { count += 1 }
    return count
  }

  private static func anyEntry(below node: Node) -> Entry? {
    var node = node
    while true {
      if let entry = node.entry { return entry }
      guard let child = node.children.first?.value else { return nil }
      node = child
    }
  }

  /// Cuts the label of `node` after `count` tokens and returns the new node above it.
  private static func split(_ node: Node, at count: Int) -> Node {
    let upper = Node(label: Array(node.label[..<count]), parent: node.parent)
    node.parent?.children[node.label[0]] = upper
    node.label.removeFirst(count)
    node.parent = upper
    upper.children[node.label[0]] = node
    return upper
  }

  /// Removes `node` where it leads nowhere, and joins nodes that no longer part.
  private static func tidy(_ node: Node) {
    guard node.entry == nil, let parent = node.parent else { return }
    if node.children.isEmpty {
      parent.children[node.label[0]] = nil
      tidy(parent)
    } else if node.children.count == 1, let child = node.children.first?.value {
      child.label = node.label + child.label
      child.parent = parent
      parent.children[child.label[0]] = child
    }
  }
}

/// The members of a JSON object in their order, found by key in constant time.
///
/// Keys are equal when their UTF-8 bytes are (not, as with `String`, when they are canonically equivalent): the
/// pieces of a vocabulary must not fall together. Of two members with one key the later one wins.
public struct JSONObject: Sendable {
  /// One member of an object.
  public typealias Member = (key: String, value: JSONValue)

  /// The members in order.
  public private(set) var members: [Member] = []
  private var positions: [Key: Int] = [:]

  /// Beneath this many members a scan is faster than hashing.
  private static let scanLimit = 8

  /// An object without members.
  public init() {}

  /// An object with the given members.
  public init(_ members: some Sequence<(String, JSONValue)>) {
    for (key, value) in members { self[key] = value }
  }

  /// The keys in order.
  public var keys: [String] { members.map(\.key) }

  /// The value of `key`; setting `nil` removes the member (in linear time), a new key goes to the end.
  public subscript(key: String) -> JSONValue? {
    get { position(of: key).map { members[$0].value } }
    set {
      switch (position(of: key), newValue) {
      case (let index?, let value?): members[index].value = value
      case (let index?, nil): remove(at: index)
      case (nil, let value?): append(key, value)
      case (nil, nil): break
      }
    }
  }

  private func position(of key: String) -> Int? {
    if positions.isEmpty {
      let wanted = Key(text: key)
      return members.firstIndex { Key(text: $0.key) == wanted }
    }
    return positions[Key(text: key)]
  }

  private mutating func append(_ key: String, _ value: JSONValue) {
    members.append((key, value))
    if !positions.isEmpty {
      positions[Key(text: key)] = members.count - 1
    } else if members.count > Self.scanLimit {
      indexMembers()
    }
  }

  private mutating func remove(at index: Int) {
    members.remove(at: index)
    if !positions.isEmpty { indexMembers() }
  }

  private mutating func indexMembers() {
    positions.removeAll(keepingCapacity: true)
    guard members.count > Self.scanLimit else { return }
    for (index, member) in members.enumerated() { positions[Key(text: member.key)] = index }
  }
}

extension JSONObject: Sequence {
  /// Iterates over the members in order.
  public func makeIterator() -> IndexingIterator<[Member]> { members.makeIterator() }

  /// How many members there are.
  public var count: Int { members.count }

  /// Whether there are no members.
  public var isEmpty: Bool { members.isEmpty }
}

extension JSONObject: Equatable {
  /// Equal when both hold the same keys with the same values, in whatever order.
  public static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
  }
}

/// Text compared by its bytes.
private struct Key: Hashable {
  let text: String

  static func == (left: Key, right: Key) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
  }
}

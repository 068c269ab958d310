/// Where names are defined, in all files.
struct DefinitionTable: Sendable {
  /// One definition; 16 bytes.
  struct Entry: Sendable, Equatable {
    /// `WordScanner.nameHash` of the name.
    let name: UInt32
    let file: UInt32
    /// 0-based.
    let firstLine: UInt32
    let lineCount: UInt16
    /// True for types and functions.
    let isScope: Bool

    var lines: Range<Int> { Int(firstLine)..<Int(firstLine) + Int(lineCount) }
  }

  /// A name that more files define says nothing about any of them.
  static let maximumFiles = 12
  /// Sorted by name, file and line.
  private let entries: [Entry]

  init(_ facts: [FileFacts]) {
    var all: [Entry] = []
    for (number, item) in facts.enumerated() {
      for definition in item.tables.definitions {
        all.append(
          Entry(
            name: definition.name, file: UInt32(number), firstLine: UInt32(definition.lines.lowerBound),
            lineCount: UInt16(clamping: definition.lines.count), isScope: definition.isScope))
      }
    }
    all.sort { ($0.name, $0.file, $0.firstLine) < ($1.name, $1.file, $1.firstLine) }
    var kept: [Entry] = []
    var start = 0
    while start < all.count {
      var end = start
      var files = 0
      while end < all.count, all[end].name == all[start].name {
        if end == start || all[end].file != all[end - 1].file { files += 1 }
        end += 1
      }
      if files <= Self.maximumFiles { kept += all[start..<end] }
      start = end
    }
    entries = kept
  }

  /// The definitions of a name, by file and line; none when too many files define it.
  subscript(name: UInt32) -> ArraySlice<Entry> {
    let start = lowerBound(name)
    var end = start
    while end < entries.count, entries[end].name == name { end += 1 }
    return entries[start..<end]
  }

  private func lowerBound(_ name: UInt32) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].name < name { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

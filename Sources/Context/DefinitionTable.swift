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
  /// Definitions whose names have the highest bits `b` are `rows[b]..<rows[b + 1]`.
  private let rows: [UInt32]
  private let rowShift: UInt32

  init(_ facts: some Collection<FileFacts>) {
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
    // Hashes are spread evenly: one row for two definitions.
    let bits = max(1, Int.bitWidth - kept.count.leadingZeroBitCount - 1)
    rowShift = UInt32(32 - min(bits, 24))
    var rows = [UInt32](repeating: 0, count: 1 << (32 - Int(rowShift)) + 1)
    for entry in entries { rows[Int(entry.name >> rowShift) + 1] += 1 }
    for row in 1..<rows.count { rows[row] += rows[row - 1] }
    self.rows = rows
  }

  /// The definitions of a name, by file and line; none when too many files define it.
  subscript(name: UInt32) -> ArraySlice<Entry> {
    let row = Int(name >> rowShift)
    let last = Int(rows[row + 1])
    var start = Int(rows[row])
    while start < last, entries[start].name < name { start += 1 }
    var end = start
    while end < last, entries[end].name == name { end += 1 }
    return entries[start..<end]
  }
}

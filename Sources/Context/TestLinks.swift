/// Finds test ↔ implementation by the names that `TestPaths` knows.
enum TestLinks {
  /// A subject that more files share names none of them.
  private static let maximumShared = 40

  static func links(_ names: PathNames) -> FileLinks {
    var tests: [String: [Int]] = [:]
    var subjects: [String: [Int]] = [:]
    for (number, entry) in names.entries.enumerated() {
      let name = TestPaths.name(folders: entry.folders, file: entry.file)
      guard !name.subject.isEmpty else { continue }
      if name.isTest {
        tests[name.subject, default: []].append(number)
      } else {
        subjects[name.subject, default: []].append(number)
      }
    }
    var pairs: [(from: UInt32, to: UInt32)] = []
    for (subject, found) in tests.sorted(by: { $0.key < $1.key }) {
      guard let files = subjects[subject], files.count <= maximumShared, found.count <= maximumShared else {
        continue
      }
      for test in found {
        for file in nearest(test, files, names) {
          pairs.append((UInt32(test), UInt32(file)))
          pairs.append((UInt32(file), UInt32(test)))
        }
      }
    }
    return FileLinks(count: names.entries.count, pairs: pairs)
  }

  /// The candidate with the same suffix whose folders are most like the test's; none when three or more are.
  private static func nearest(_ test: Int, _ files: [Int], _ names: PathNames) -> [Int] {
    let suffix = suffix(names.entries[test])
    var best = -1
    var found: [Int] = []
    for file in files where self.suffix(names.entries[file]) == suffix {
      // Folders in common anywhere: `tests/client/test_x.py` belongs to `src/client/x.py`.
      let likeness = Set(names.entries[test].folders).intersection(names.entries[file].folders).count
      if likeness > best {
        best = likeness
        found = []
      }
      if likeness == best { found.append(file) }
    }
    return found.count <= 2 ? found : []
  }

  private static func suffix(_ entry: PathNames.Entry) -> Substring { family(entry.file) }

  /// The suffix of a path; one for families of languages whose files are used together.
  static func family(_ path: some StringProtocol) -> Substring {
    guard let dot = path.lastIndex(of: ".") else { return "" }
    let suffix = path[path.index(after: dot)...]
    switch suffix {
    case "js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts", "vue": return "js"
    case "h", "c", "cc", "cpp", "hpp", "hh", "cxx", "hxx": return "c"
    case "py", "pyi": return "py"
    default: return Substring(suffix)
    }
  }
}

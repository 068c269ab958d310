import Carving
import Corpus
import Foundation
import Training
import Weights

/// Where a run is asked to write; checked before anything is read, because no output may destroy what somebody wrote.
struct OutputPlaces {
  /// An option and the files that it writes.
  private let places: [(option: String, path: String)]

  /// The files of `--out` with their cards, and that of `--save-weights`.
  init(_ request: CarveRequest, saveWeights: String?) {
    var places: [(String, String)] = []
    if let out = request.out {
      let splits: [DataSplit] = request.isSplit ? [.train, .validation, .test] : [.train]
      places += splits.map {
        ("--out", CarveRequest.path(of: $0 == .train ? nil : $0.rawValue, beside: out))
      }
      places += [".json", ".md"].map { ("--out", CarveRequest.stem(of: out) + ".card" + $0) }
    }
    if let saveWeights { places.append(("--save-weights", saveWeights)) }
    self.places = places
  }

  /// Refuses everything that is there and no regular file: renaming a file over it would replace it.
  ///
  /// - Throws: `Failure` that names the option and the path.
  func check() throws(Failure) {
    for (option, path) in places {
      if path == "-" || path == "/dev/stdout" || path.isEmpty {
        throw Failure("\(option) '\(path)' is no file; name a file")
      }
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }
      guard status.st_mode & S_IFMT != S_IFREG else { continue }
      throw Failure(
        "\(option) \(path): is \(Self.kind(status)), which would be replaced; name a new or a regular file")
    }
  }

  /// Refuses files that the run would read as source; what an earlier run wrote may be replaced.
  ///
  /// - Throws: `Failure` that names the option and the path.
  func check(against trees: [any SourceTree]) throws(Failure) {
    for (option, path) in places where RegularFile.isRegular(path) && !Self.isOurs(path, of: option) {
      let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
      for tree in trees {
        let root = URL(fileURLWithPath: tree.origin.path).resolvingSymlinksInPath().path
        let isSource =
          target == root
          || target.hasPrefix(root + "/")
            && tree.entries.contains { $0.path == target.dropFirst(root.utf8.count + 1) }
        if isSource {
          throw Failure("\(option) \(path): is a source file of \(tree.origin.path); name another file")
        }
      }
    }
  }

  /// Whether an earlier run wrote a file: a card, a file with a card beside it that counts its split, or settings.
  private static func isOurs(_ path: String, of option: String) -> Bool {
    if option == "--save-weights" { return json(path)?[ChosenSettings.key] != nil }
    if path.hasSuffix(".card.md") {
      return FileManager.default.contents(atPath: path)?.starts(with: Data("# Data card\n".utf8)) == true
    }
    if path.hasSuffix(".card.json") { return isCard(path) }
    let stem = CarveRequest.stem(of: path)
    let stems =
      [stem]
      + DataSplit.allCases.map { "." + $0.rawValue }.filter(stem.hasSuffix).map {
        String(stem.dropLast($0.count))
      }
    return stems.contains { isCard($0 + ".card.json") }
  }

  private static func isCard(_ path: String) -> Bool {
    json(path)?["tool"]?.stringValue?.hasPrefix("gemfill ") == true
  }

  private static let maximumBytes = 256 << 20

  private static func json(_ path: String) -> JSONValue? {
    guard let bytes = try? RegularFile.read(path, limit: maximumBytes) else { return nil }
    return try? JSONValue(parsing: bytes)
  }

  private static func kind(_ status: stat) -> String {
    switch status.st_mode & S_IFMT {
    case S_IFDIR: "a folder"
    case S_IFLNK: "a symbolic link"
    case S_IFIFO: "a named pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  /// Removes the held-out files that an earlier run wrote beside `out`, as its card says: they do not belong to a data set
  /// without splits that takes its place.
  static func removeOldSplits(beside out: String) {
    guard let splits = json(CarveRequest.stem(of: out) + ".card.json")?["splits"] else { return }
    for split in [DataSplit.validation, .test] where splits[split.rawValue] != nil {
      let path = CarveRequest.path(of: split.rawValue, beside: out)
      if let file = TokenShardSet.isShards(out) ? TokenShardSet.file(at: path) : path,
        RegularFile.isRegular(file)
      {
        unlink(file)
      }
    }
  }
}

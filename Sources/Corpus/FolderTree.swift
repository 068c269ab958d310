import Foundation
import Syntax

/// The files below a folder on disk, or one file.
///
/// Links are never followed, neither while listing nor while reading; the root itself may be one, since somebody
/// named it.
public final class FolderTree: SourceTree {
  /// The folder as it was named.
  public let origin: SourceOrigin
  /// Files that may be read.
  public let entries: [SourceEntry]
  /// What the rules about paths left out.
  public let skipped: [SkippedPath]
  /// What its licence files say, and the ones above it in its repository.
  public let licences: TreeLicences
  /// The folder that the entries' paths are relative to.
  public let place: String
  /// The open folder, so that a folder that takes its place meanwhile is not read.
  private let descriptor: Int32

  /// Lists what is below `root`.
  ///
  /// - Parameter recency: asks git for the time of each file's last commit, where the folder is in a repository.
  /// - Throws: `CorpusError.unreadable` when there is nothing that could be opened.
  public init(root: String, catalog: LanguageCatalog, recency: Bool = false) throws(CorpusError) {
    let root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
    var place = URL(fileURLWithPath: root).resolvingSymlinksInPath().path
    var listing: (entries: [SourceEntry], skipped: [SkippedPath], licences: [String])
    var isSingle = false
    switch FileSystem.kind(of: place) {
    case .folder:
      var walk = Walk(root: place, hygiene: FileHygiene(catalog: catalog))
      walk.enter("", depth: 0, rules: Self.rulesAbove(place, walk.rules))
      listing = (walk.entries, walk.skipped, walk.licences)
    case .file(let size):
      isSingle = true
      let url = URL(fileURLWithPath: place)
      place = url.deletingLastPathComponent().path
      listing = ([], [], [])
      let rules = PathRules(hygiene: FileHygiene(catalog: catalog))
      if let reason = rules.fault(url.lastPathComponent, size: size) {
        let shown = rules.hygiene.shownPath(url.lastPathComponent)
        listing.skipped.append(SkippedPath(path: shown, reason: reason))
      } else {
        listing.entries.append(SourceEntry(path: url.lastPathComponent, size: size))
      }
    case .symlink, .other, nil:
      throw .unreadable(path: root, reason: "no such folder")
    }
    descriptor = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: root, reason: String(cString: strerror(errno))) }
    let isShallow = recency ? GitHistory.isShallow(root: place) : nil
    if isShallow == false { LastChanges.note(in: &listing.entries, root: place, commit: "HEAD") }
    origin = SourceOrigin(path: root, isShallow: isShallow)
    licences = TreeLicences(
      Self.documents(listing.licences, in: descriptor), above: Self.licencesAbove(place, isSingle: isSingle))
    self.place = place
    entries = listing.entries.sorted { Self.isBefore($0.path, $1.path) }
    skipped = listing.skipped
  }

  deinit {
    close(descriptor)
  }

  /// Reads a file as it is now.
  public func read(_ entry: SourceEntry) -> Result<[UInt8], SkippedFile> {
    FileSystem.read(entry.path, in: descriptor, limit: FileHygiene.maximumBytes(of: entry.path))
  }

  private static func documents(_ paths: [String], in folder: Int32) -> [TreeLicences.Document] {
    paths.compactMap { path in
      guard case .success(let bytes) = FileSystem.read(path, in: folder, limit: FileHygiene.maximumBytes)
      else {
        return nil
      }
      let slash = path.lastIndex(of: "/")
      return TreeLicences.Document(
        folder: slash.map { String(path[..<$0]) } ?? "",
        name: String(slash.map { path[path.index(after: $0)...] } ?? path[...]), bytes: bytes)
    }
  }

  /// The licence files of the nearest folder above the root, up to the top of its repository; of a single file also those
  /// beside it.
  private static func licencesAbove(_ root: String, isSingle: Bool) -> [TreeLicences.Document] {
    var folder = URL(fileURLWithPath: root)
    for level in 0..<64 {
      if level > 0 || isSingle {
        let names = (FileSystem.names(in: folder.path) ?? []).compactMap {
          String(validating: $0, as: UTF8.self)
        }
        let found = names.filter { TreeLicences.role(ofName: $0) != nil }.compactMap { name in
          FileSystem.read(folder.path + "/" + name, limit: FileHygiene.maximumBytes).map {
            TreeLicences.Document(folder: "", name: name, bytes: $0)
          }
        }
        if !found.isEmpty { return found }
      }
      guard folder.path != "/", FileSystem.kind(of: folder.path + "/.git") == nil else { return [] }
      folder = folder.deletingLastPathComponent()
    }
    return []
  }

  /// Files with rules in the folders above the root, up to the top of its repository, and the repository's own excludes.
  private static func rulesAbove(_ root: String, _ own: PathRules) -> PathRules {
    var rules = own
    var folder = URL(fileURLWithPath: root)
    var chain: [(folder: String, above: String)] = []
    var above = ""
    while true {
      chain.append((folder.path, above))
      if FileSystem.kind(of: folder.path + "/.git") != nil { break }
      guard folder.path != "/", chain.count < 64 else { return rules }
      above = above.isEmpty ? folder.lastPathComponent : folder.lastPathComponent + "/" + above
      folder = folder.deletingLastPathComponent()
    }
    if let text = FileSystem.text(folder.path + "/.git/info/exclude") {
      rules.ignored.add(text, folder: "", above: chain.last?.above ?? "")
    }
    for level in chain.dropFirst().reversed() {
      for name in IgnoreFiles.names {
        if let text = FileSystem.text(level.folder + "/" + name) {
          rules.ignored.add(text, folder: "", above: level.above)
        }
      }
      if let text = FileSystem.text(level.folder + "/" + IgnoreFiles.attributes) {
        rules.attributes.add(text, folder: "", above: level.above)
      }
    }
    return rules
  }
}

/// One walk through the folders.
private struct Walk {
  let root: String
  /// What holds before any file with rules is read.
  let rules: PathRules
  var entries: [SourceEntry] = []
  var skipped: [SkippedPath] = []
  /// Paths of licence files.
  var licences: [String] = []
  private static let maximumDepth = 64

  init(root: String, hygiene: FileHygiene) {
    self.root = root
    rules = PathRules(hygiene: hygiene)
  }

  mutating func enter(_ folder: String, depth: Int, rules: PathRules) {
    let place = folder.isEmpty ? root : root + "/" + folder
    guard let names = FileSystem.names(in: place) else { return skip(folder, .unreadable) }
    var rules = rules
    for name in IgnoreFiles.names {
      if let text = FileSystem.text(place + "/" + name) { rules.ignored.add(text, folder: folder) }
    }
    if let text = FileSystem.text(place + "/" + IgnoreFiles.attributes) {
      rules.attributes.add(text, folder: folder)
    }
    for bytes in names {
      guard let name = String(validating: bytes, as: UTF8.self) else {
        skip(folder + "/" + String(decoding: bytes, as: UTF8.self), .unreadable)
        continue
      }
      if name == ".git" { continue }
      visit(folder.isEmpty ? name : folder + "/" + name, name: name, depth: depth, rules: rules)
    }
  }

  private mutating func visit(_ path: String, name: String, depth: Int, rules: PathRules) {
    let place = root + "/" + path
    switch FileSystem.kind(of: place) {
    case .symlink: skip(path, .symlink)
    case .other: skip(path, .notRegular)
    case nil: skip(path, .unreadable)
    case .file(let size):
      if rules.ignored.ignores(path, isFolder: false) { return skip(path, .ignored) }
      if TreeLicences.role(ofName: name) != nil { licences.append(path) }
      if let reason = rules.fault(path, size: size) { return skip(path, reason) }
      entries.append(SourceEntry(path: path, size: size))
    case .folder:
      if rules.ignored.ignores(path, isFolder: true) { return skip(path, .ignored) }
      if FileHygiene.isVendored(folder: name) { return skip(path, .vendored) }
      if FileSystem.kind(of: place + "/.git") != nil { return skip(path, .nestedRepository) }
      if depth >= Self.maximumDepth { return skip(path, .tooDeep) }
      enter(path, depth: depth + 1, rules: rules)
    }
  }

  private mutating func skip(_ path: String, _ reason: SkipReason) {
    skipped.append(SkippedPath(path: rules.hygiene.shownPath(path), reason: reason))
  }
}

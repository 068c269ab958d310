import Foundation
import Syntax

/// Collects the source files below a folder: what git would not ignore, people wrote, and a grammar may know.
public struct RepositoryWalker: Sendable {
  /// What to take.
  public struct Options: Sendable {
    /// Only these languages; nil for all.
    public var languages: Set<String>?
    /// Whether code without a grammar is taken as "text".
    public var includesText: Bool
    /// Reading stops at this many bytes.
    public var maximumTotalBytes: Int

    /// Creates options.
    public init(languages: Set<String>? = nil, includesText: Bool = true, maximumTotalBytes: Int = 1 << 29) {
      self.languages = languages
      self.includesText = includesText
      self.maximumTotalBytes = maximumTotalBytes
    }
  }

  private let root: String
  private let options: Options
  private let hygiene: FileHygiene
  private static let maximumDepth = 64

  /// A walk below `root`, which may also be a single file.
  public init(root: String, catalog: LanguageCatalog, options: Options = Options()) {
    self.root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
    self.options = options
    hygiene = FileHygiene(catalog: catalog)
  }

  /// Reads every usable file, in the order of their paths.
  ///
  /// - Throws: `CorpusError.unreadable` when the root cannot be read, `.noSource` when nothing usable is there.
  public func files() throws(CorpusError) -> CorpusListing {
    var listing = CorpusListing()
    // The root itself may be a link: the user named it.
    let place = URL(fileURLWithPath: root).resolvingSymlinksInPath().path
    switch FileSystem.kind(of: place) {
    case .folder:
      var walk = Walk(walker: self, root: place)
      walk.enter("", depth: 0, rules: Self.rulesAbove(place), into: &listing)
    case .file(let size):
      let attributes = Attributes("")
      let name = URL(fileURLWithPath: place).lastPathComponent
      take(name, at: place, size: size, attributes: attributes, into: &listing)
    case .symlink, .other, nil:
      throw .unreadable(path: root, reason: "no such folder")
    }
    guard !listing.files.isEmpty else { throw .noSource(path: root, skipped: listing.skipped) }
    return listing
  }

  /// Ignore files of the folders above the root, up to the top of its repository, and the repository's own excludes.
  private static func rulesAbove(_ root: String) -> IgnoreRules {
    var rules = IgnoreRules()
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
      rules.add(text, folder: "", above: chain.last?.above ?? "")
    }
    for level in chain.dropFirst().reversed() {
      for name in IgnoreFiles.names {
        if let text = FileSystem.text(level.folder + "/" + name) {
          rules.add(text, folder: "", above: level.above)
        }
      }
    }
    return rules
  }

  private func take(
    _ path: String, at place: String, size: Int, attributes: Attributes, into listing: inout CorpusListing
  ) {
    if let reason = faultBeforeReading(path, size: size, attributes: attributes) {
      return listing.skip(path, reason)
    }
    guard listing.byteCount + size <= options.maximumTotalBytes else {
      return listing.skip(path, .overBudget)
    }
    guard let bytes = FileSystem.read(place, limit: FileHygiene.maximumBytes) else {
      return listing.skip(path, .unreadable)
    }
    switch judge(path, bytes: bytes) {
    case .success(let file): listing.add(file)
    case .failure(let skipped): listing.skip(path, skipped.reason)
    }
  }

  func faultBeforeReading(_ path: String, size: Int, attributes: Attributes) -> SkipReason? {
    if !hygiene.mayBeSource(path) { return .notSource }
    if attributes.marks(path) { return .attributes }
    if FileHygiene.isGenerated(name: path.split(separator: "/").last.map(String.init) ?? path) {
      return .generated
    }
    return size > FileHygiene.maximumBytes ? .tooLarge : nil
  }

  /// Decides about a file by its contents.
  func judge(_ path: String, bytes: [UInt8]) -> Result<SourceFile, SkippedFile> {
    hygiene.clean(path: path, bytes: bytes).flatMap { file in
      if file.language == SourceFile.textLanguage, !options.includesText {
        return .failure(SkippedFile(.notSource, "no grammar for it"))
      }
      if let wanted = options.languages, !wanted.contains(file.language) {
        return .failure(SkippedFile(.otherLanguage, file.language))
      }
      return .success(file)
    }
  }

  /// One walk; holds what does not change between folders.
  private struct Walk {
    let walker: RepositoryWalker
    let root: String
    let attributes: Attributes

    init(walker: RepositoryWalker, root: String) {
      self.walker = walker
      self.root = root
      attributes = Attributes(FileSystem.text(root + "/.gitattributes") ?? "")
    }

    mutating func enter(_ folder: String, depth: Int, rules: IgnoreRules, into listing: inout CorpusListing) {
      let place = folder.isEmpty ? root : root + "/" + folder
      guard let names = FileSystem.names(in: place) else { return listing.skip(folder, .unreadable) }
      var rules = rules
      for name in IgnoreFiles.names {
        if let text = FileSystem.text(place + "/" + name) { rules.add(text, folder: folder) }
      }
      for bytes in names {
        guard let name = String(validating: bytes, as: UTF8.self) else {
          listing.skip(folder + "/" + String(decoding: bytes, as: UTF8.self), .unreadable)
          continue
        }
        if name == ".git" { continue }
        let path = folder.isEmpty ? name : folder + "/" + name
        visit(path, name: name, depth: depth, rules: rules, into: &listing)
      }
    }

    private mutating func visit(
      _ path: String, name: String, depth: Int, rules: IgnoreRules, into listing: inout CorpusListing
    ) {
      let place = root + "/" + path
      switch FileSystem.kind(of: place) {
      case .symlink: listing.skip(path, .symlink)
      case .other: listing.skip(path, .notRegular)
      case nil: listing.skip(path, .unreadable)
      case .file(let size):
        if rules.ignores(path, isFolder: false) { return listing.skip(path, .ignored) }
        walker.take(path, at: place, size: size, attributes: attributes, into: &listing)
      case .folder:
        if rules.ignores(path, isFolder: true) { return listing.skip(path, .ignored) }
        if FileHygiene.isVendored(folder: name) { return listing.skip(path, .vendored) }
        if FileSystem.kind(of: place + "/.git") != nil { return listing.skip(path, .nestedRepository) }
        if depth >= RepositoryWalker.maximumDepth { return listing.skip(path, .tooDeep) }
        enter(path, depth: depth + 1, rules: rules, into: &listing)
      }
    }
  }
}

/// Names of the files whose patterns keep paths out; the later one wins.
enum IgnoreFiles {
  static let names = [".gitignore", ".gemfillignore"]
}

import Syntax

/// Collects the source files below a folder, all in memory: for what needs them at once. Carving streams them instead.
public struct RepositoryWalker: Sendable {
  /// What to take.
  public struct Options: Sendable {
    /// Only these languages; nil for all.
    public var languages: Set<String>?
    /// Whether code without a grammar is taken as "text".
    public var includesText: Bool
    /// Reading stops at this many bytes.
    public var maximumTotalBytes: Int
    /// What else keeps a file out, such as denied licences.
    public var hygiene: HygieneOptions

    /// Creates options.
    public init(
      languages: Set<String>? = nil, includesText: Bool = true, maximumTotalBytes: Int = 1 << 29,
      hygiene: HygieneOptions = HygieneOptions()
    ) {
      self.languages = languages
      self.includesText = includesText
      self.maximumTotalBytes = maximumTotalBytes
      self.hygiene = hygiene
    }

    /// Why a file of this language is not wanted; nil for one that is.
    public func fault(language: String) -> SkippedFile? {
      if language == SourceFile.textLanguage, !includesText {
        return SkippedFile(.notSource, "no grammar for it")
      }
      if let languages, !languages.contains(language) { return SkippedFile(.otherLanguage, language) }
      return nil
    }
  }

  private let root: String
  private let options: Options
  private let catalog: LanguageCatalog
  private let hygiene: FileHygiene

  /// A walk below `root`, which may also be a single file.
  public init(root: String, catalog: LanguageCatalog, options: Options = Options()) {
    self.root = root
    self.options = options
    self.catalog = catalog
    hygiene = FileHygiene(catalog: catalog, options: options.hygiene)
  }

  /// Reads every usable file, in the order of their paths.
  ///
  /// - Throws: `CorpusError.unreadable` when the root cannot be read, `.noSource` when nothing usable is there.
  public func files() throws(CorpusError) -> CorpusListing {
    try files(of: FolderTree(root: root, catalog: catalog), name: root)
  }

  /// Reads every usable file of a tree.
  func files(of tree: some SourceTree, name: String) throws(CorpusError) -> CorpusListing {
    var listing = CorpusListing()
    for skipped in tree.skipped { listing.skip(skipped.path, skipped.reason) }
    for entry in tree.entries {
      guard listing.byteCount + entry.size <= options.maximumTotalBytes else {
        listing.skip(entry.path, .overBudget)
        continue
      }
      switch tree.read(entry).flatMap({ judge(entry.path, bytes: $0, licences: tree.licences) }) {
      case .success(let file): listing.add(file)
      case .failure(let skipped): listing.skip(entry.path, skipped.reason)
      }
    }
    guard !listing.files.isEmpty else { throw .noSource(path: name, skipped: listing.skipped) }
    return listing
  }

  /// Decides about a file by its contents.
  func judge(
    _ path: String, bytes: [UInt8], licences: TreeLicences
  ) -> Result<SourceFile, SkippedFile> {
    hygiene.clean(path: path, bytes: bytes).flatMap { file in
      let fault =
        options.fault(language: file.language)
        ?? licences.fault(of: path, own: file.licenceName, denied: options.hygiene.deniedLicences)
      return fault.map { .failure($0) } ?? .success(file)
    }
  }
}

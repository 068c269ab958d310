/// What a path alone says about whether a file may be used.
struct PathRules: Sendable {
  let hygiene: FileHygiene
  var ignored = IgnoreRules()
  var attributes = Attributes()

  /// The reason not to read a file of which only path and size are known; nil to read it.
  func fault(_ path: String, size: Int) -> SkipReason? {
    if !hygiene.mayBeSource(path) { return .notSource }
    if attributes.marks(path) { return .attributes }
    return hygiene.fault(path: path, size: size)?.reason
  }

  /// The reason not to read an entry of a commit, where no walk has judged the folders.
  func fault(mode: String, path: String, size: Int) -> SkipReason? {
    if mode == "120000" { return .symlink }
    if mode == "160000" { return .nestedRepository }
    let folders = path.split(separator: "/").dropLast()
    if folders.contains(where: { FileHygiene.isVendored(folder: String($0)) }) { return .vendored }
    if ignored.ignoresWithParents(path) { return .ignored }
    return fault(path, size: size)
  }
}

/// Names of the files whose patterns keep paths out.
enum IgnoreFiles {
  /// Files of ignored paths; the later one wins.
  static let names = [".gitignore", own]
  /// Ours: unlike git's it holds for tracked files too.
  static let own = ".gemfillignore"
  /// Where files are marked as generated and the like.
  static let attributes = ".gitattributes"
}

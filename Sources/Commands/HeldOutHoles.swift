import Carving
import Corpus
import Foundation
import Syntax

/// Code of a repository in two parts that share no file: text that may be learnt from, and holes in the rest.
struct HeldOutHoles {
  /// Files that may be learnt from.
  let known: [SourceFile]
  /// Holes in the other files, in a seeded choice.
  let holes: [FIMExample]

  /// Files of which one in so many is held out.
  private static let share: UInt32 = 5

  /// - Throws: `CorpusError`; `Failure` where there is too little code.
  init(path: String, limit: Int) throws {
    let catalog = LanguageCatalog.standard()
    let files = try RepositoryWalker(root: path, catalog: catalog).files().files
    func isHeldOut(_ file: SourceFile) -> Bool {
      file.path.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 } % Self.share == 0
    }
    known = files.filter { !isHeldOut($0) }
    var options = CarveOptions(limit: limit)
    options.settings.plainShare = 0
    holes = Carver(options: options, catalog: catalog).examples(from: files.filter(isHeldOut), epoch: 0)
    guard !known.isEmpty, !holes.isEmpty else {
      throw Failure("\(path): \(files.count) files are too few to hold some out; name a larger repository")
    }
  }
}

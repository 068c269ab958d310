import Context
import Corpus

/// Reads files again as the first pass cleaned them, and notices when they have changed since.
struct CleanReader: Sendable {
  let surveyor: Surveyor
  let spool: SurveySpool

  /// The record of a file; nil when the spool cannot be read back.
  func record(of file: SurveyedCorpus.File) -> SurveyRecord? {
    spool.read(file.place).flatMap { SurveyRecord(packed: $0) }
  }

  /// What other files need to know of a file; empty when the spool cannot be read back.
  func facts(of file: SurveyedCorpus.File) -> FileFacts {
    spool.read(file.facts).map { FileFacts(kept: $0) } ?? .empty
  }

  /// The fingerprint of a file; nil when the spool cannot be read back.
  func fingerprint(of file: SurveyedCorpus.File) -> Fingerprint? {
    spool.read(file.place).flatMap { SurveyRecord.fingerprint(in: $0) }
  }

  /// The cleaned text of a file, for other files' context; nil when it is gone or has changed.
  func text(of file: SurveyedCorpus.File) -> [UInt8]? {
    guard let head = spool.read(file.place).flatMap({ SurveyRecord.head(in: $0) }),
      case .success(let source) = read(file, head)
    else { return nil }
    return source.bytes
  }

  /// The cleaned file.
  ///
  /// Placeholders are put in their places again, which is quicker than to look for secrets again. Where that does not
  /// give the text of the first pass, as with notebooks, the file is cleaned anew.
  func read(_ file: SurveyedCorpus.File, _ head: FileSurvey.Head) -> Result<SourceFile, SkippedFile> {
    let tree = surveyor.run.trees[file.tree]
    let entry = tree.entries[file.entry]
    return tree.read(entry).flatMap { raw in
      if let bytes = Self.patched(raw, head) {
        return .success(
          SourceFile(
            path: entry.path, language: head.language, bytes: bytes,
            redactions: head.patches.map(\.redaction), licence: head.licence))
      }
      return surveyor.clean(entry.path, bytes: raw).flatMap { cleaned in
        Stamp.of(cleaned.bytes) == head.stamp && cleaned.bytes.count == head.byteCount
          ? .success(cleaned) : .failure(SkippedFile(.changed, "is not what the first pass read"))
      }
    }
  }

  private static func patched(_ raw: [UInt8], _ head: FileSurvey.Head) -> [UInt8]? {
    guard raw.count == head.byteCount else { return nil }
    var bytes = raw
    for patch in head.patches {
      guard patch.redaction.range.upperBound <= bytes.count else { return nil }
      bytes.replaceSubrange(patch.redaction.range, with: patch.placeholder)
    }
    return Stamp.of(bytes) == head.stamp ? bytes : nil
  }
}

import Corpus

/// What the second pass reads back about a file. Packed as four blocks, so that one can be read without the others.
struct SurveyRecord: Sendable {
  let head: FileSurvey.Head
  let cuts: FileSurvey.Cuts

  /// The packed form of what the second pass needs of a survey.
  static func pack(_ survey: FileSurvey) -> [UInt8] {
    var writer = PackedWriter()
    writer.block(survey.head.packed)
    writer.block(survey.cuts.packed)
    writer.block(FileSurvey.packed(survey.functions))
    writer.block(survey.fingerprint.bytes)
    return writer.bytes
  }

  init?(packed: [UInt8]) {
    guard let head = Self.head(in: packed), let cuts = Self.cuts(in: packed) else { return nil }
    self.head = head
    self.cuts = cuts
  }

  static func head(in packed: [UInt8]) -> FileSurvey.Head? {
    block(0, of: packed).flatMap { FileSurvey.Head(packed: $0) }
  }

  private static func cuts(in packed: [UInt8]) -> FileSurvey.Cuts? {
    block(1, of: packed).flatMap { FileSurvey.Cuts(packed: $0) }
  }

  static func functions(in packed: [UInt8]) -> [FunctionFingerprint]? {
    block(2, of: packed).flatMap { FileSurvey.functions(packed: $0) }
  }

  static func fingerprint(in packed: [UInt8]) -> Fingerprint? {
    block(3, of: packed).flatMap { Fingerprint(bytes: $0) }
  }

  private static func block(_ number: Int, of packed: [UInt8]) -> [UInt8]? {
    var reader = PackedReader(packed)
    for _ in 0..<number {
      guard reader.skipBlock() else { return nil }
    }
    return reader.block()
  }
}

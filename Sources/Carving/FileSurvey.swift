import Context
import Corpus

/// What the first pass over a file found out, without its text: enough to cut its examples later without parsing again.
struct FileSurvey: Sendable {
  /// What is needed to read the file again as it was cleaned.
  struct Head: Sendable, Equatable {
    let hash: ContentHash
    let language: String
    /// Bytes of the cleaned text.
    let byteCount: Int
    /// `Stamp` of the cleaned text.
    let stamp: UInt64
    let patches: [Patch]
    let licence: SourceFile.LicenceNotice?

    /// What the notice names, "" for nothing known; nil without a notice.
    var licenceName: String? { licence.map { $0.spdx ?? "" } }
  }

  /// A placeholder and where it stands.
  struct Patch: Sendable, Equatable {
    let redaction: SourceFile.Redaction
    let placeholder: [UInt8]
  }

  /// What was cut.
  struct Cuts: Sendable, Equatable {
    let holes: [CarvedHole]
    /// `DuplicateMiddles.hash` of each hole's middle; nil for an empty one.
    let middles: [UInt64?]
    let drops: [DropReason: Int]
  }

  let head: Head
  let cuts: Cuts
  /// Functions, to find those that many files have.
  let functions: [FunctionFingerprint]
  let facts: FileFacts
  let fingerprint: Fingerprint
}

/// What the first pass makes of a file: a survey, or the reason to leave it out.
enum SurveyOutcome: Sendable {
  case surveyed(FileSurvey)
  case skipped(ContentHash?, SkippedFile)
}

// MARK: - Packed form

extension SurveyOutcome {
  /// Changes whenever the packed form or what goes into it does; caches of other versions are not read.
  static let version = 2

  /// The packed form.
  var packed: [UInt8] {
    var writer = PackedWriter()
    switch self {
    case .skipped(let hash, let skipped):
      writer.number(0)
      writer.text(hash?.hex ?? "")
      writer.text(skipped.reason.rawValue)
      writer.text(skipped.detail)
    case .surveyed(let survey):
      writer.number(1)
      writer.block(survey.head.packed)
      writer.block(survey.cuts.packed)
      writer.block(FileSurvey.packed(survey.functions))
      writer.block(survey.facts.encoded)
      writer.block(survey.fingerprint.bytes)
    }
    return writer.bytes
  }

  /// Reads the packed form; nil when it is damaged.
  init?(packed: [UInt8]) {
    var reader = PackedReader(packed)
    switch reader.number() {
    case 0:
      guard let hex = reader.text(), let name = reader.text(), let reason = SkipReason(rawValue: name),
        let detail = reader.text(), reader.isAtEnd
      else { return nil }
      self = .skipped(ContentHash(hex: hex), SkippedFile(reason, detail))
    case 1:
      guard let head = reader.block().flatMap({ FileSurvey.Head(packed: $0) }),
        let cuts = reader.block().flatMap({ FileSurvey.Cuts(packed: $0) }),
        let functions = reader.block().flatMap({ FileSurvey.functions(packed: $0) }),
        let facts = reader.block().flatMap({ FileFacts(encoded: $0) }),
        let fingerprint = reader.block().flatMap({ Fingerprint(bytes: $0) }), reader.isAtEnd
      else { return nil }
      self = .surveyed(
        FileSurvey(head: head, cuts: cuts, functions: functions, facts: facts, fingerprint: fingerprint))
    default: return nil
    }
  }
}

extension FileSurvey {
  static func packed(_ functions: [FunctionFingerprint]) -> [UInt8] { functions.flatMap(\.bytes) }

  static func functions(packed: [UInt8]) -> [FunctionFingerprint]? {
    let size = FunctionFingerprint.byteCount
    guard packed.count % size == 0 else { return nil }
    var functions: [FunctionFingerprint] = []
    for start in stride(from: 0, to: packed.count, by: size) {
      guard let function = FunctionFingerprint(bytes: packed[start..<(start + size)]) else { return nil }
      functions.append(function)
    }
    return functions
  }
}

extension FileSurvey.Head {
  var packed: [UInt8] {
    var writer = PackedWriter()
    writer.text(hash.hex)
    writer.text(language)
    writer.number(byteCount)
    writer.fixed(stamp)
    writer.number(patches.count)
    for patch in patches {
      writer.text(patch.redaction.rule)
      writer.number(patch.redaction.range.lowerBound)
      writer.block(patch.placeholder)
    }
    writer.number(licence == nil ? 0 : licence?.spdx == nil ? 1 : 2)
    if let licence {
      writer.number(licence.range.lowerBound)
      writer.number(licence.range.count)
      if let spdx = licence.spdx { writer.text(spdx) }
    }
    return writer.bytes
  }

  init?(packed: [UInt8]) {
    var reader = PackedReader(packed)
    guard let hash = reader.text().flatMap({ ContentHash(hex: $0) }), let language = reader.text(),
      let byteCount = reader.number(), let stamp = reader.fixed(), let patchCount = reader.count(atLeast: 3)
    else { return nil }
    var patches: [FileSurvey.Patch] = []
    for _ in 0..<patchCount {
      guard let rule = reader.text(), let start = reader.number(), let placeholder = reader.block(),
        start + placeholder.count <= byteCount
      else { return nil }
      let range = start..<(start + placeholder.count)
      patches.append(.init(redaction: .init(rule: rule, range: range), placeholder: placeholder))
    }
    guard let kind = reader.number(), kind <= 2 else { return nil }
    var licence: SourceFile.LicenceNotice?
    if kind > 0 {
      guard let start = reader.number(), let count = reader.number(), start + count <= byteCount else {
        return nil
      }
      let spdx = kind == 2 ? reader.text() : nil
      if kind == 2, spdx == nil { return nil }
      licence = .init(range: start..<(start + count), spdx: spdx)
    }
    guard reader.isAtEnd else { return nil }
    self.init(
      hash: hash, language: language, byteCount: byteCount, stamp: stamp, patches: patches, licence: licence)
  }
}

extension FileSurvey.Cuts {
  /// Paths of nodes and languages are written once for each file.
  var packed: [UInt8] {
    var writer = PackedWriter()
    var names: [String: Int] = [:]
    var ordered: [String] = []
    func index(_ name: String) -> Int {
      if let known = names[name] { return known }
      names[name] = ordered.count
      ordered.append(name)
      return ordered.count - 1
    }
    let indices = holes.map { (index($0.nodePath), index($0.language)) }
    writer.number(ordered.count)
    for name in ordered { writer.text(name) }
    writer.number(holes.count)
    let kinds = FIMExample.Kind.allCases
    let modifiers = FIMExample.Modifier.allCases
    for ((hole, names), middle) in zip(zip(holes, indices), middles) {
      writer.number(kinds.firstIndex(of: hole.kind) ?? 0)
      writer.number(
        modifiers.indices.reduce(0) { $0 | (hole.modifiers.contains(modifiers[$1]) ? 1 << $1 : 0) })
      for range in [hole.window, hole.middle, hole.unit] {
        writer.number(range.lowerBound)
        writer.number(range.count)
      }
      writer.number(names.0)
      writer.number(names.1)
      writer.number(middle == nil ? 0 : 1)
      if let middle { writer.fixed(middle) }
    }
    writer.number(drops.count)
    for (reason, count) in drops.sorted(by: { $0.key < $1.key }) {
      writer.text(reason.rawValue)
      writer.number(count)
    }
    return writer.bytes
  }

  init?(packed: [UInt8]) {
    var reader = PackedReader(packed)
    var names: [String] = []
    guard let nameCount = reader.count(atLeast: 1) else { return nil }
    for _ in 0..<nameCount {
      guard let name = reader.text() else { return nil }
      names.append(name)
    }
    var holes: [CarvedHole] = []
    var middles: [UInt64?] = []
    guard let holeCount = reader.count(atLeast: 11) else { return nil }
    for _ in 0..<holeCount {
      guard let hole = Self.hole(&reader, names: names), let hasMiddle = reader.number() else { return nil }
      let middle = hasMiddle == 1 ? reader.fixed() : nil
      guard hasMiddle == 0 || middle != nil else { return nil }
      holes.append(hole)
      middles.append(middle)
    }
    var drops: [DropReason: Int] = [:]
    guard let dropCount = reader.count(atLeast: 2) else { return nil }
    for _ in 0..<dropCount {
      guard let reason = reader.text().flatMap({ DropReason(rawValue: $0) }), let count = reader.number()
      else {
        return nil
      }
      drops[reason] = count
    }
    guard reader.isAtEnd else { return nil }
    self.init(holes: holes, middles: middles, drops: drops)
  }

  private static func hole(_ reader: inout PackedReader, names: [String]) -> CarvedHole? {
    let kinds = FIMExample.Kind.allCases
    guard let kind = reader.number(), kind < kinds.count, let bits = reader.number() else { return nil }
    var ranges: [Range<Int>] = []
    for _ in 0..<3 {
      guard let start = reader.number(), let count = reader.number() else { return nil }
      ranges.append(start..<(start + count))
    }
    guard let path = reader.number(), path < names.count, let language = reader.number(),
      language < names.count
    else { return nil }
    let modifiers = FIMExample.Modifier.allCases.enumerated().filter { bits >> $0.offset & 1 == 1 }
    return CarvedHole(
      kind: kinds[kind], window: ranges[0], middle: ranges[1], unit: ranges[2],
      modifiers: modifiers.map(\.element),
      nodePath: names[path], language: names[language])
  }
}

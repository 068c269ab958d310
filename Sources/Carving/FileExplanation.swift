import Context
import Corpus
import Syntax

/// What became of every part of one file.
public struct FileExplanation: Sendable {
  /// A stretch of the file.
  public struct Place: Sendable, Equatable {
    /// Bytes of the file.
    public let range: Range<Int>
    /// Lines of the file, from 1.
    public let lines: ClosedRange<Int>
  }

  /// A part in one language.
  public struct Part: Sendable {
    /// Language name.
    public let language: String
    /// Where it stands.
    public let place: Place
    /// Nodes of its tree.
    public let nodes: Int
    /// Places that its grammar does not understand.
    public let errors: Int
  }

  /// A function, a type or another definition at the top of the file or of a type.
  public struct Definition: Sendable {
    /// Kind of the node, as the grammar names it.
    public let kind: String
    /// Where it stands.
    public let place: Place
    /// Examples whose middle lies in it.
    public let examples: Int
  }

  /// A hole that was cut.
  public struct Hole: Sendable {
    /// The hole as it was cut.
    public let hole: CarvedHole
    /// Where its middle stands.
    public let place: Place
    /// Why it gives no example; nil for one that does.
    public let unused: String?
    /// Snippets that the example shows.
    public let context: [ContextSnippet]
  }

  /// A candidate that was dropped.
  public struct Drop: Sendable {
    /// Why.
    public let reason: DropReason
    /// Where it stood.
    public let place: Place
  }

  /// Text that was replaced.
  public struct Redaction: Sendable {
    /// Name of the rule.
    public let rule: String
    /// Where it stands.
    public let place: Place
  }

  /// Path below the tree's root.
  public let path: String
  /// Which tree, from 0; where it came from.
  public let origin: SourceOrigin
  /// Why the file was left out, for machines and people; nil for a file that is used.
  public internal(set) var skipped: SkippedFile?
  /// The file that this is a copy of.
  public internal(set) var copyOf: String?
  /// What the file is used for; nil for one that is left out.
  public internal(set) var split: DataSplit?
  /// SHA-256 of its bytes.
  public internal(set) var hash: ContentHash?
  /// Language name.
  public internal(set) var language: String?
  /// Bytes of its cleaned text.
  public internal(set) var bytes = 0
  /// Its licence notice.
  public internal(set) var licence: SourceFile.LicenceNotice?
  /// Secrets and personal data that were replaced.
  public internal(set) var redactions: [Redaction] = []
  /// What it consists of.
  public internal(set) var parts: [Part] = []
  /// Functions and types.
  public internal(set) var definitions: [Definition] = []
  /// Holes, in the order in which they were drawn.
  public internal(set) var holes: [Hole] = []
  /// Candidates that were dropped.
  public internal(set) var drops: [Drop] = []

  init(path: String, origin: SourceOrigin) {
    self.path = path
    self.origin = origin
  }
}

extension SurveyedCorpus {
  /// What became of every part of one file.
  ///
  /// - Parameter path: as in the data set; with several trees the last that has it.
  /// - Throws: `CarvingError.unknownFile` when no tree has listed it.
  public func explain(_ path: String) throws(CarvingError) -> FileExplanation {
    for tree in run.trees.indices.reversed() {
      let origin = run.trees[tree].origin
      if let index = files.firstIndex(where: { $0.tree == tree && self.path(of: $0) == path }) {
        return explain(index, FileExplanation(path: path, origin: origin))
      }
      let found = skipped.first {
        $0.tree == tree && ($0.path == path || path.hasPrefix($0.path + "/") || $0.path.isEmpty)
      }
      if let found {
        var explanation = FileExplanation(path: path, origin: origin)
        let detail =
          found.path == path || found.detail.isEmpty == false ? found.detail : "below \(found.path)"
        explanation.skipped = SkippedFile(found.reason, detail)
        return explanation
      }
    }
    throw .unknownFile(path: path, origins: run.trees.map(\.origin.path))
  }

  private func explain(_ index: Int, _ blank: FileExplanation) -> FileExplanation {
    let file = files[index]
    var explanation = blank
    explanation.hash = file.hash
    explanation.language = file.language
    explanation.bytes = file.bytes
    switch file.fate {
    case .used(let split): explanation.split = split
    case .copy(let reason, let other, let jaccard):
      explanation.copyOf = path(of: files[other])
      explanation.skipped = SkippedFile(reason, "\(Int((jaccard * 100).rounded())) % alike")
    }
    guard let record = reader.record(of: file), case .success(let source) = reader.read(file, record.head)
    else {
      explanation.skipped = SkippedFile(.changed, "is not what the first pass read")
      explanation.split = nil
      return explanation
    }
    explanation.licence = source.licence
    let lines = LineIndex(source.bytes)
    func place(_ range: Range<Int>) -> FileExplanation.Place {
      let first = lines.line(at: range.lowerBound) + 1
      return .init(
        range: range,
        lines: first...max(first, lines.line(at: max(range.lowerBound, range.upperBound - 1)) + 1))
    }
    explanation.redactions = source.redactions.map { .init(rule: $0.rule, place: place($0.range)) }
    let parsed = surveyor.parse(source)
    explanation.parts = parsed.parts.map {
      .init(
        language: $0.language.name, place: place($0.range), nodes: $0.tree.nodeCount,
        errors: $0.tree.errorCount())
    }
    let carving = surveyor.carve(source, parts: parsed.parts, hash: file.hash, explains: true)
    explanation.drops = carving.dropped.map { .init(reason: $0.reason, place: place($0.range)) }
    let verdicts = judge(record.cuts, of: index, split: explanation.split ?? .train)
    explanation.holes = verdicts.map { hole, verdict in
      let cut = record.cuts.holes[hole]
      switch verdict {
      case .failure(let unused):
        return .init(
          hole: cut, place: place(cut.middle), unused: unused.reason.rawValue, context: [])
      case .success(let rank):
        guard let example = example(of: cut, in: source, file: file, rank: rank) else {
          return .init(hole: cut, place: place(0..<0), unused: DropReason.damaged.rawValue, context: [])
        }
        let context = explanation.split == nil ? [] : example.context
        return .init(hole: cut, place: place(cut.middle), unused: nil, context: context)
      }
    }
    explanation.definitions = parsed.parts.flatMap { definitions(in: $0.tree) }.map { node in
      .init(
        kind: node.kind, place: place(node.byteRange),
        examples: explanation.holes.count {
          $0.unused == nil && node.byteRange.contains($0.hole.middle.lowerBound)
        })
    }
    return explanation
  }

  private func definitions(in tree: SyntaxTree) -> [SyntaxNode] {
    tree.nodes.filter { !$0.roles.isDisjoint(with: [.function, .type]) }.map { $0 }
  }
}

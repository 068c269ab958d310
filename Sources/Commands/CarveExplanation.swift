import Carving
import Foundation
import Weights

/// What became of every part of one file, for people and for machines.
struct CarveExplanation {
  let file: FileExplanation

  /// Places of the same kind that are printed one by one.
  private static let mostPlaces = 12

  /// Explains a file that is named by its path below a root, or with the root's path before it.
  ///
  /// - Throws: `CarvingError.unknownFile` where no root has it.
  static func find(
    _ path: String, in corpus: SurveyedCorpus, below roots: [String]
  ) throws(CarvingError) -> FileExplanation {
    let unknown: CarvingError
    do throws(CarvingError) { return try corpus.explain(path) } catch { unknown = error }
    for name in names(of: path, below: roots) {
      do throws(CarvingError) { return try corpus.explain(name) } catch {}
    }
    throw unknown
  }

  /// What a path may be called below the roots.
  static func names(of path: String, below roots: [String]) -> [String] {
    let place = URL(fileURLWithPath: path).standardizedFileURL
    return roots.flatMap { root in
      let root = URL(fileURLWithPath: root).standardizedFileURL
      return [
        (place.path, root.path), (place.resolvingSymlinksInPath().path, root.resolvingSymlinksInPath().path),
      ]
      .compactMap { place, root in
        if place == root { return URL(fileURLWithPath: place).lastPathComponent }
        return place.hasPrefix(root + "/") ? String(place.dropFirst(root.count + 1)) : nil
      }
    }
  }

  // MARK: Text

  func print(to console: Console) {
    console.print(console.styled(file.path.printableName, .bold))
    for (name, text) in facts { console.print("  " + name + ": " + text.printableName) }
    printParts(to: console)
    printDefinitions(to: console)
    printHoles(to: console)
    printDrops(to: console)
    console.print()
  }

  /// One line each: what is known about the file as a whole.
  private var facts: [(String, String)] {
    var facts: [(String, String)] = []
    if let skipped = file.skipped {
      let detail = skipped.detail.isEmpty ? "" : " (\(skipped.detail))"
      facts.append(("left out", skipped.reason.rawValue + detail))
    }
    if let other = file.copyOf { facts.append(("copy of", other)) }
    if let split = file.split { facts.append(("used for", split.rawValue)) }
    if let language = file.language { facts.append(("language", "\(language), \(file.bytes) bytes")) }
    if let hash = file.hash { facts.append(("content", hash.hex)) }
    if let licence = file.licence {
      facts.append(
        (
          "licence notice",
          "\(licence.spdx ?? "unknown"), bytes \(licence.range.lowerBound)..<\(licence.range.upperBound)"
        ))
    }
    for redaction in file.redactions {
      facts.append(("replaced", "\(redaction.rule), \(Self.text(redaction.place))"))
    }
    return facts
  }

  private func printParts(to console: Console) {
    guard !file.parts.isEmpty else { return }
    console.table(
      ["  part", "where", "nodes", "errors"],
      file.parts.map { ["  " + $0.language, Self.text($0.place), "\($0.nodes)", "\($0.errors)"] },
      alignment: [.left, .left, .right, .right])
  }

  private func printDefinitions(to console: Console) {
    guard !file.definitions.isEmpty else { return }
    console.table(
      ["  definition", "where", "examples"],
      file.definitions.map { ["  " + $0.kind, Self.text($0.place), "\($0.examples)"] },
      alignment: [.left, .left, .right])
  }

  private func printHoles(to console: Console) {
    guard !file.holes.isEmpty else { return }
    console.table(
      ["  hole", "where", "modifiers", "context", "becomes"],
      file.holes.map { hole in
        [
          "  class \(hole.hole.kind.rawValue)", Self.text(hole.place),
          hole.hole.modifiers.map(\.rawValue).joined(separator: " "),
          hole.context.map(\.source.rawValue).joined(separator: " "),
          hole.unused.map { "nothing: \($0)" } ?? "an example",
        ]
      })
  }

  private func printDrops(to console: Console) {
    for (reason, places) in dropsByReason {
      let shown = places.prefix(Self.mostPlaces).map { Self.text($0) }.joined(separator: "; ")
      let more = places.count > Self.mostPlaces ? "; …" : ""
      console.print("  dropped \(places.count), \(reason.rawValue): \(shown)\(more)")
    }
  }

  private var dropsByReason: [(DropReason, [FileExplanation.Place])] {
    Dictionary(grouping: file.drops, by: \.reason).sorted { $0.key < $1.key }.map {
      ($0.key, $0.value.map(\.place))
    }
  }

  /// `lines 3-5` or `line 3`.
  private static func text(_ place: FileExplanation.Place) -> String {
    let lines = place.lines
    return lines.count == 1 ? "line \(lines.lowerBound)" : "lines \(lines.lowerBound)-\(lines.upperBound)"
  }

  // MARK: JSON

  var json: JSONValue {
    var json: JSONValue = [
      "path": .string(file.path), "origin": .string(file.origin.path),
      "examples": .int(file.holes.count { $0.unused == nil }), "bytes": .int(file.bytes),
    ]
    json["commit"] = file.origin.commit.map { .string($0) } ?? JSONValue.null
    json["skipped"] = file.skipped.map { .string($0.reason.rawValue) } ?? JSONValue.null
    json["detail"] = file.skipped.map { .string($0.detail) } ?? JSONValue.null
    json["copyOf"] = file.copyOf.map { .string($0) } ?? JSONValue.null
    json["split"] = file.split.map { .string($0.rawValue) } ?? JSONValue.null
    json["language"] = file.language.map { .string($0) } ?? JSONValue.null
    json["contentHash"] = file.hash.map { .string($0.hex) } ?? JSONValue.null
    json["licence"] = file.licence.map { .string($0.spdx ?? "unknown") } ?? JSONValue.null
    json["redactions"] = .array(file.redactions.map { Self.json($0.place, ["rule": .string($0.rule)]) })
    json["parts"] = .array(
      file.parts.map {
        Self.json(
          $0.place, ["language": .string($0.language), "nodes": .int($0.nodes), "errors": .int($0.errors)])
      })
    json["definitions"] = .array(
      file.definitions.map {
        Self.json($0.place, ["kind": .string($0.kind), "examples": .int($0.examples)])
      })
    json["holes"] = .array(file.holes.map { Self.json($0) })
    json["drops"] = .array(file.drops.map { Self.json($0.place, ["reason": .string($0.reason.rawValue)]) })
    return json
  }

  private static func json(_ hole: FileExplanation.Hole) -> JSONValue {
    json(
      hole.place,
      [
        "kind": .string(hole.hole.kind.rawValue), "nodePath": .string(hole.hole.nodePath),
        "modifiers": .array(hole.hole.modifiers.map { .string($0.rawValue) }),
        "unused": hole.unused.map { .string($0) } ?? .null,
        "context": .array(
          hole.context.map {
            [
              "path": .string($0.path), "source": .string($0.source.rawValue),
              "firstLine": .int($0.firstLine),
            ]
          }),
      ])
  }

  /// A place and what is said about it.
  private static func json(_ place: FileExplanation.Place, _ more: JSONValue) -> JSONValue {
    var json = more
    json["start"] = .int(place.range.lowerBound)
    json["end"] = .int(place.range.upperBound)
    json["firstLine"] = .int(place.lines.lowerBound)
    json["lastLine"] = .int(place.lines.upperBound)
    return json
  }
}

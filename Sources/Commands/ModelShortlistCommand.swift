import Foundation
import Generation
import Registry
import Weights

/// `gemfill model shortlist`: learns which tokens of a large vocabulary code uses.
struct ModelShortlistCommand: Command {
  static let name = "shortlist"
  static let summary = "Learn from code which part of a model's vocabulary to decode over."
  static let discussion = """
    The shortlist is used for every later completion with this model. Where it is not sure of a token, the whole
    vocabulary is asked; how sure it has to be is chosen so that the wanted share of the tokens is what the whole
    vocabulary gives, measured on held-out files. It pays where the vocabulary is large beside the model.
    """
  static let positionals = [
    ModelCommand.namePositional, Positional("PATH", optional: true, help: "A repository to learn from."),
  ]
  static let options = [
    Option.integer("size", "N", in: 512...1_048_576, help: "Most ids (default a quarter, at most 32768)."),
    Option.number(
      "agreement", "SHARE", in: 0.5...1,
      help: "Share of tokens that must be those of the whole vocabulary (default 0.995)."),
    Option.integer("holes", "N", in: 8...10_000, help: "Held-out holes to measure on (default 120)."),
    Option.flag("remove", help: "Forget the model's shortlist."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let registry = try ModelCommand.open()
    let path = try ModelCommand.path(arguments.required("NAME"), registry)
    let hash = try registry.sha256(ofModel: path)
    let target = registry.home.shortlist(modelSHA256: hash)
    if arguments.flag("remove") {
      let existed = (try? FileManager.default.removeItem(atPath: target)) != nil
      console.print(existed ? "removed \(target)" : "there was no shortlist")
      console.emit(json: ["removed": .bool(existed)])
      return .done
    }
    guard let code = arguments.positional("PATH") else { throw UsageError("give a PATH to learn from") }
    console.progress("loading")
    let engine = try Engine.load(path: path)
    let vocabulary = engine.model.configuration.vocabularySize
    let study = try await ShortlistStudy(
      engine, try HeldOutHoles(path: code, limit: arguments.integer("holes") ?? 120),
      size: arguments.integer("size") ?? ShortlistStudy.usualSize(vocabulary),
      agreement: arguments.number("agreement") ?? 0.995, generate: 48, console)
    try FileManager.default.createDirectory(
      atPath: registry.home.shortlists, withIntermediateDirectories: true)
    try study.shortlist.write(to: target, modelSHA256: hash, vocabularySize: vocabulary)
    console.table(["", ""], study.rows + [["file", target]])
    console.emit(json: [
      "path": .string(target), "ids": .int(study.shortlist.ids.count),
      "least_share": .double(Double(study.shortlist.leastShare)), "agreement": .double(study.chosen.tokens),
      "asked": .double(study.chosen.asked), "coverage": .double(study.coverage),
    ])
    return .done
  }
}

import Corpus
import Evaluation
import Foundation
import Generation
import Syntax
import Tokenizer
import Weights

extension EvalCommand {
  /// Base and adapters mixed with counts, and as an editor meets them, as far as the flags ask for it.
  static func mixed(
    _ adapters: [String], _ showing: Set<String>, _ model: ServingModel, _ catalog: LanguageCatalog,
    _ mixture: NgramMixture, _ arguments: Arguments
  ) -> [any Contender] {
    let names = [nil] + adapters.map(Optional.some)
    var contenders: [any Contender] = []
    if arguments.flag("mixture") {
      contenders += names.map { adapter in
        ModelContender(
          name: (adapter ?? "base") + mixedSuffix, model: model, adapter: adapter,
          showsContext: adapter.map(showing.contains) ?? false, mixture: mixture)
      }
    }
    if arguments.flag("served") {
      contenders += names.map { adapter in
        ServedContender(
          name: adapter ?? "base", model: model, catalog: catalog, adapter: adapter,
          showsContext: adapter.map(showing.contains) ?? false, mixture: mixture)
      }
    }
    return contenders
  }

  /// Behind the name of the bare contender.
  private static let mixedSuffix = " + n-grams"

  static func mixture(of files: [SourceFile], tokenizer: Tokenizer) -> NgramMixture {
    NgramMixture(repository: FollowerIndex(texts: files.map { tokenizer.encode($0.bytes) }))
  }

  /// Longest result file that is read.
  private static let resultLimit = 2 << 30

  /// `--results`: one report on what earlier runs wrote, without a model.
  static func pooled(
    _ arguments: Arguments, by axes: [Breakdown.Axis], _ console: Console
  ) throws -> ExitCode {
    guard arguments.positional("PATH") == nil, arguments.texts("adapter").isEmpty else {
      throw UsageError("--results reports on files that are there; it excludes PATH and --adapter")
    }
    let paths = arguments.texts("results")
    guard Set(paths).count == paths.count else { throw UsageError("--results names a file twice") }
    let files = try paths.map { path in
      do { return (path: path, bytes: try RegularFile.read(path, limit: resultLimit)) } catch {
        throw Failure("\(path): cannot be read as a result file")
      }
    }
    let evaluation = try Evaluation(resultFiles: files)
    let names = evaluation.contenders
    // Everybody against the base and against the n-gram model, where these are among the contenders.
    let pairs = names.indices.flatMap { contender in
      ["base", "n-gram"].compactMap { name in names.firstIndex(of: name) }.filter { reference in
        contender > reference && !names[contender].hasSuffix(ServedContender.suffix)
      }.map { (contender: contender, reference: $0) }
    }
    let report = Report(evaluation, comparing: pairs, bootstrap: bootstrap(arguments))
    let breakdowns = breakdowns(of: evaluation, by: axes, arguments, console)
    console.print(report.table())
    printed(breakdowns, by: axes, console)
    var json = report.json
    json["results"] = .array(paths.map { .string($0) })
    json["by"] = self.json(of: breakdowns)
    console.emit(json: json)
    return .done
  }

  /// The axes that `--by` names.
  ///
  /// - Throws: `UsageError` for another word.
  static func axes(_ arguments: Arguments) throws(UsageError) -> [Breakdown.Axis] {
    var axes: [Breakdown.Axis] = []
    for word in arguments.list("by") {
      guard let axis = Breakdown.Axis(rawValue: word) else {
        let known = Breakdown.Axis.allCases.map(\.rawValue).joined(separator: ", ")
        throw UsageError("--by \(word): not one of \(known)")
      }
      axes.append(axis)
    }
    return axes
  }

  /// Figures by the axes that are shown: those of `axes`, in JSON every one.
  static func breakdowns(
    of evaluation: Evaluation, by axes: [Breakdown.Axis], _ arguments: Arguments, _ console: Console
  ) -> [Breakdown] {
    Breakdown.Axis.allCases.filter { console.isJSON || axes.contains($0) }.map {
      Breakdown(evaluation, by: $0, bootstrap: bootstrap(arguments))
    }
  }

  static func printed(_ breakdowns: [Breakdown], by axes: [Breakdown.Axis], _ console: Console) {
    for axis in axes {
      for breakdown in breakdowns where breakdown.axis == axis {
        console.print("by \(axis.rawValue):\n\(breakdown.table())")
      }
    }
  }

  static func json(of breakdowns: [Breakdown]) -> JSONValue {
    var json: JSONValue = [:]
    for breakdown in breakdowns { json[breakdown.axis.rawValue] = breakdown.json }
    return json
  }

  static func bootstrap(_ arguments: Arguments) -> Bootstrap {
    Bootstrap(seed: UInt64(arguments.integer("seed") ?? 1))
  }
}

import Carving
import Corpus
import Foundation
import Syntax
import Weights

/// What the history of a repository says about how its people insert code.
struct TeamPrior {
  let path: String
  let prior: CarvingPrior

  /// Learns from the history at a path: up to the state that is carved, so that no test says how to train.
  ///
  /// - Throws: `Failure` without a history, `CorpusError`.
  init(
    path: String, state: CarveRequest.State, over settings: CarvingSettings, hygiene: HygieneOptions,
    seed: UInt64,
    catalog: LanguageCatalog, console: Console
  ) throws {
    self.path = path
    let history = try CarveSource.history(of: path, for: "--prior")
    if history.isShallow {
      console.warn("\(path): is a shallow clone: --prior learns from the commits that are here")
    }
    var options = CarvingPrior.Options()
    options.seed = seed
    options.hygiene = hygiene
    let progress = { (line: String) in console.progress("learning weights: \(line)") }
    if case .commit(let name) = state {
      let (last, later) = try HeldOutSource.split(history, at: name, path: path)
      let earlier = try history.commits().prefix { $0 != last } + [last]
      prior = try CarvingPrior.learn(
        from: history, train: Array(earlier.suffix(options.commits)), heldOut: later, base: settings,
        options: options, catalog: catalog, progress: progress)
    } else {
      prior = try CarvingPrior.learn(
        from: history, base: settings, options: options, catalog: catalog, progress: progress)
    }
    console.endProgress()
    try Task.checkCancellation()
    guard prior.train.histogram.total > 0 else {
      throw Failure("\(path): its history inserts nothing that could be learnt from; leave out --prior")
    }
  }

  /// The weights of a request for a prior; nil where none was asked for.
  static func learn(
    _ arguments: Arguments, state: CarveRequest.State, over chosen: ChosenSettings, seed: UInt64,
    catalog: LanguageCatalog, console: Console
  ) throws -> TeamPrior? {
    guard arguments.flag("prior") else { return nil }
    let paths = arguments.positionals("PATH")
    guard paths.count == 1 else { throw UsageError("--prior learns from one repository: give one PATH") }
    return try TeamPrior(
      path: paths[0], state: state, over: chosen.settings, hygiene: chosen.hygiene, seed: seed,
      catalog: catalog, console: console)
  }

  func print(to console: Console) {
    let survey = prior.train
    let histogram = survey.histogram
    console.print(
      "\(path): \(histogram.total) insertions in \(survey.commits) commits "
        + "(\(survey.lineInsertions) of whole lines, \(survey.inLineEdits) within a line)")
    console.print()
    console.table(
      InsertionHistogram.columns, histogram.rows,
      alignment: [.left] + Array(repeating: .right, count: InsertionHistogram.columns.count - 1))
    for (title, counts) in [
      ("before the cursor", histogram.cursors), ("behind it", histogram.rightSides),
      ("fits the syntax", histogram.alignments),
    ] {
      console.print()
      console.table(
        [title, "share"],
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
          [$0.key, Figures.share($0.value, of: histogram.total)]
        }, alignment: [.left, .right])
    }
    console.print()
    console.table(
      ["distance of carved holes (class × lines)", "before", "learnt"], distances,
      alignment: [.left, .right, .right])
    console.print()
  }

  private var distances: [[String]] {
    let all = prior.distances
    func row(_ name: String, _ before: HistogramDistance, _ after: HistogramDistance) -> [String] {
      [name, Figures.decimal(before.classesAndLines, 3), Figures.decimal(after.classesAndLines, 3)]
    }
    var rows = [row("to the insertions learnt from", all.beforeToTrain, all.afterToTrain)]
    if let before = all.beforeToHeldOut, let after = all.afterToHeldOut {
      rows.append(row("to later insertions", before, after))
    }
    return rows
  }

  /// Everything that was found out.
  var json: JSONValue {
    var json: JSONValue = .object(JSONObject())
    if let text = try? JSONEncoder().encode(prior), let value = try? JSONValue(parsing: [UInt8](text)) {
      json = value
    }
    json["path"] = .string(path)
    json["insertions"] = .int(prior.train.histogram.total)
    return json
  }
}

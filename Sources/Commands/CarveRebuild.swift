import Carving
import Corpus
import Foundation
import Weights

/// How a data card leads back to its data set: the card is the settings file, and these are the arguments.
enum CarveRebuild {
  /// Arguments of `gemfill` that write the same set where the origins are at hand. Flags that change no byte are left
  /// out; what settings files and `--prior` said stands in the card.
  ///
  /// - Parameters:
  ///   - out: where the set was written; its card lies beside it.
  ///   - origins: with the commits that were carved.
  static func arguments(
    _ request: CarveRequest, _ arguments: Arguments, out: String, origins: [SourceOrigin],
    test: DataCard.Test?
  ) -> [String] {
    var words = [CarveCommand.name] + request.paths
    func add(_ name: String, _ value: String?) { if let value { words += ["--" + name, value] } }
    func flag(_ name: String, _ isSet: Bool) { if isSet { words.append("--" + name) } }
    flag("splits", request.isSplit)
    add("older", request.older)
    if let after = test?.after, let until = test?.until {
      add("at", "\(after)..\(until)")
    } else if request.state != .disk {
      // Several repositories were named with one name for a commit of each.
      add("at", origins.count == 1 ? origins.first?.commit : arguments.text("at"))
    }
    add("languages", request.languages?.sorted().joined(separator: ","))
    for path in arguments.texts("decontaminate") { add("decontaminate", path) }
    add("seed", "\(request.seed)")
    add("epoch", "\(request.epoch)")
    add("limit", request.limit.map { "\($0)" })
    add("shard", request.shard.map { "\($0.index + 1)/\($0.count)" })
    flag("no-context", arguments.flag("no-context"))
    flag("hardness", arguments.flag("hardness"))
    add("base", request.base)
    add("format", request.format.rawValue)
    add("order", request.format == .hf ? request.order.rawValue : nil)
    add("weights", CarveRequest.stem(of: out) + cardSuffix)
    add("out", out)
    return words
  }

  /// How the name of a card in JSON ends.
  static let cardSuffix = ".card.json"

  /// The settings that a card states, as a settings file would; nil for what is no card.
  static func section(ofCard card: JSONObject) -> JSONObject? {
    guard card["settingsHash"] != nil, var section = card["settings"]?.objectValue else { return nil }
    section["context"] = card["context"]
    section["deniedLicences"] = card["deniedLicences"]
    return section
  }
}

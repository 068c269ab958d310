import Foundation

/// The folder that holds everything Gemfill keeps: `$GEMFILL_HOME`, else `$XDG_DATA_HOME/gemfill`, else
/// `~/.local/share/gemfill`. Nothing is created by asking for a path.
public struct Home: Sendable {
  /// The folder itself.
  public let path: String

  /// A home at a chosen place.
  public init(path: String) { self.path = path }

  /// The home that the environment names.
  ///
  /// - Throws: `RegistryError.noHome` when the environment names none, or a relative one.
  public static func standard(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(RegistryError) -> Home {
    let choices = [("GEMFILL_HOME", ""), ("XDG_DATA_HOME", "/gemfill"), ("HOME", "/.local/share/gemfill")]
    for (variable, suffix) in choices {
      guard let value = environment[variable], !value.isEmpty else { continue }
      guard value.hasPrefix("/") else {
        throw .noHome(problem: "\(variable)=\(value) is not an absolute path")
      }
      return Home(path: value + suffix)
    }
    throw .noHome(problem: "neither GEMFILL_HOME, XDG_DATA_HOME nor HOME is set")
  }

  /// Folder of added models.
  public var models: String { path + "/models" }
  /// Folder of adapters, one folder each.
  public var adapters: String { path + "/adapters" }
  /// Folder of what can be made anew: packed matrices of models whose own folder cannot be written.
  public var cache: String { path + "/cache" }
  /// Database of what carving found out about files.
  public var surveys: String { cache + "/surveys.sqlite" }
  /// Database of models and adapters.
  public var registry: String { path + "/registry.sqlite" }
  /// Database of what people accepted.
  public var acceptanceLog: String { path + "/acceptance.sqlite" }
  /// Folder of search indexes.
  public var search: String { path + "/search" }
  /// Folder of grammars that the user added.
  public var grammars: String { path + "/grammars" }
  /// Folder of vocabulary shortlists.
  public var shortlists: String { path + "/shortlists" }
  /// Database of how hard examples are for models; can be made anew.
  public var hardness: String { cache + "/hardness.sqlite" }
  /// Settings.
  public var settings: String { path + "/config.json" }

  /// The vocabulary shortlist of the model with that SHA-256.
  public func shortlist(modelSHA256: String) -> String { shortlists + "/" + modelSHA256 + ".shortlist" }

  /// Folder of one adapter.
  public func adapter(_ name: String) -> String { adapters + "/" + name }
}

/// The small base model that comes with Gemfill.
public enum EmbeddedBase {
  /// The name of its file, and without extension the name that cards give it.
  public static let fileName = "gemfill-base-q8_0.gguf"

  /// Where it is: `$GEMFILL_BASE`, else found from the executable upwards as
  /// `models/gemfill-base/<file>` (a checkout) or `share/gemfill/models/gemfill-base/<file>` (an installation).
  ///
  /// - Throws: `RegistryError.noBase` with the places that were looked at.
  public static func path(
    environment: [String: String] = ProcessInfo.processInfo.environment, executable: String? = nil
  ) throws(RegistryError) -> String {
    if let chosen = environment["GEMFILL_BASE"], !chosen.isEmpty {
      guard FileManager.default.fileExists(atPath: chosen) else {
        throw .noBase(problem: "GEMFILL_BASE names \(chosen), which does not exist")
      }
      return chosen
    }
    let executable = executable ?? ownExecutable()
    var folder = URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
    for _ in 0..<8 {
      for place in ["models/gemfill-base", "share/gemfill/models/gemfill-base"] {
        let candidate = folder.appendingPathComponent(place).appendingPathComponent(fileName).path
        if FileManager.default.fileExists(atPath: candidate) { return candidate }
      }
      if folder.path == "/" { break }
      folder.deleteLastPathComponent()
    }
    throw .noBase(problem: "no models/gemfill-base/\(fileName) in a folder above \(executable)")
  }

  private static func ownExecutable() -> String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  }
}

import Corpus
import Foundation
import Registry
import Weights

/// A Python with PyTorch, and the scripts that it runs.
struct TorchPython {
  /// The interpreter.
  let path: String
  /// The folder with `train.py`.
  let scripts: String
  /// PyTorch's version.
  let version: String
  /// How many GPUs PyTorch sees.
  let gpuCount: Int

  /// The section of `config.json` in Gemfill's home; a repository's own settings name no programs.
  private static let key = "training"
  private static let variable = "GEMFILL_PYTHON"

  /// The interpreter that the settings or `GEMFILL_PYTHON` name, else `python3`.
  ///
  /// - Throws: `Failure` with the command that installs what is missing.
  static func find(
    home: Home, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> TorchPython {
    let scripts = try scriptsFolder()
    let settings = try SettingsFiles(key, paths: [], home: home)
    if let value = settings.section["python"] {
      guard let path = value.stringValue, !path.isEmpty else {
        throw Failure("\(home.settings): \"\(key).python\" is no path of a Python")
      }
      return try probe(path, "\(home.settings) names it", scripts)
    }
    if let path = environment[variable], !path.isEmpty {
      return try probe(path, "\(variable) names it", scripts)
    }
    return try probe(
      "python3", "none is named in \(variable) or as \"\(key).python\" in \(home.settings)", scripts)
  }

  /// `scripts/torch` of a checkout or `share/gemfill/torch` of an installation, found from the executable upwards.
  static func scriptsFolder() throws(Failure) -> String {
    let executable =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
    var folder = URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
    while true {
      for place in ["scripts/torch", "share/gemfill/torch"] {
        let candidate = folder.appendingPathComponent(place).path
        if RegularFile.isRegular(candidate + "/train.py") { return candidate }
      }
      guard folder.path != "/" else { break }
      folder.deleteLastPathComponent()
    }
    throw Failure(
      "no scripts/torch/train.py in a folder above \(executable); is the checkout or installation whole?")
  }

  private static let packages = ["torch", "transformers", "peft", "safetensors", "numpy"]

  /// Says what is there without importing more than PyTorch, which knows the GPUs.
  private static let probeProgram = """
    import importlib.util, json
    missing = [name for name in \(packages) if importlib.util.find_spec(name) is None]
    found = {"missing": missing}
    if "torch" not in missing:
        import torch
        found.update(version=torch.__version__, gpus=torch.cuda.device_count())
    print(json.dumps(found))
    """

  private static func probe(_ path: String, _ origin: String, _ scripts: String) throws -> TorchPython {
    let install = "python3 -m venv VENV && VENV/bin/pip install -r \(scripts)/requirements.txt"
    let remedy = "make one with '\(install)' and set \(variable)=VENV/bin/python"
    let output: [UInt8]
    let status: Int32
    do {
      let child = try ChildProcess(
        path, ["-c", probeProgram], environment: ProcessInfo.processInfo.environment)
      let handle = FileHandle(fileDescriptor: child.output, closeOnDealloc: true)
      output = [UInt8](handle.readDataToEndOfFile())
      status = child.waitForExit()
    } catch {
      throw Failure("\(path) cannot be started: \(error.reason) (\(origin)); \(remedy)")
    }
    guard status == 0, let found = try? JSONValue(parsing: output) else {
      throw Failure("\(path) is no working Python (\(origin)); \(remedy)")
    }
    let missing = (found["missing"]?.arrayValue ?? []).compactMap(\.stringValue)
    guard missing.isEmpty, let version = found["version"]?.stringValue else {
      throw Failure("\(path) lacks \(missing.joined(separator: ", ")) (\(origin)); \(remedy)")
    }
    return TorchPython(path: path, scripts: scripts, version: version, gpuCount: found["gpus"]?.intValue ?? 0)
  }
}

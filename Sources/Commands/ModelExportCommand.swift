import Foundation
import Numerics
import Registry
import Weights

/// `gemfill model export`.
struct ModelExportCommand: Command {
  static let name = "export"
  static let summary = "Write a model as a GGUF file or as a folder that transformers loads."
  static let discussion = """
    With --adapter the adapter is added to the weights: what is written computes what base and adapter compute
    together, up to the rounding of --type, whose relative error is said.
    """
  static let positionals = [ModelCommand.namePositional]
  static let options = [
    Option.choice("format", ["gguf", "safetensors"], help: "Form of the export (default safetensors)."),
    Option.text("adapter", "NAME|DIR|F.gguf", help: "Merge an adapter into the weights."),
    Option.choice(
      "type", ["f32", "f16", "bf16", "q8_0", "q4_0"],
      help: "Form of the weights (default: f32 for safetensors, unchanged for gguf)."),
    Option.text("out", "PATH", help: "New file or folder (default: ./NAME or ./NAME.gguf)."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let registry = try ModelCommand.open()
    let name = arguments.required("NAME")
    let source = try ModelSource(path: ModelCommand.path(name, registry))
    let isGGUF = arguments.text("format") == "gguf"
    let type = arguments.text("type").flatMap { BlockFormat(rawValue: $0) }
    if !isGGUF, let type, type.blockSize > 1 {
      throw UsageError("--type \(type.rawValue): safetensors holds f32, f16 or bf16")
    }
    let adapter = arguments.text("adapter")
    let newName = [name, adapter].compactMap { $0 }.map(ModelCommand.shortName).joined(separator: "-")
    let target = arguments.text("out") ?? newName + (isGGUF ? ".gguf" : "")
    guard !FileManager.default.fileExists(atPath: target) else {
      throw Failure("\(target) exists already; choose another place with --out")
    }
    var conversion = ModelConversion(source: source, format: isGGUF ? type : type ?? .f32)
    conversion.adapter = try adapter.map {
      try AdapterSource(path: AdapterCommand.path($0, base: source.path, registry))
    }
    conversion.progress = { share in
      try ModelCommand.checkInterrupt()
      console.progress("exporting \(Console.bar(share))")
    }
    let report =
      isGGUF
      ? try conversion.writeGGUF(to: target, name: newName)
      : try ModelFolder(conversion: conversion).write(to: target, console)
    console.endProgress()
    console.emit(json: [
      "path": .string(target), "format": isGGUF ? "gguf" : "safetensors", "tensors": .int(report.tensorCount),
      "bytes": .int(report.byteCount), "relative_error": .double(report.relativeError),
    ])
    console.print(
      "exported \(report.tensorCount) tensors, \(ModelCommand.size(report.byteCount)), to \(target)"
        + (report.relativeError > 0 ? String(format: ", relative error %.4f", report.relativeError) : ""))
    return .done
  }
}

/// A folder that transformers loads: weights, configuration, tokenizer.
struct ModelFolder {
  let conversion: ModelConversion

  /// Makes the folder under another name first, so that it appears whole or not at all.
  func write(to target: String, _ console: Console) throws -> ConversionReport {
    // A trailing slash would put the temporary folder inside the target.
    let target = URL(fileURLWithPath: target).path
    let part = target + ".part-\(getpid())"
    do {
      try FileManager.default.createDirectory(atPath: part, withIntermediateDirectories: true)
    } catch {
      throw Failure("\(target) cannot be made: \(error.localizedDescription)")
    }
    defer { try? FileManager.default.removeItem(atPath: part) }
    let report = try conversion.writeSafetensors(to: part + "/model.safetensors")
    if let directory = conversion.source.directory {
      try copyCompanions(of: directory, to: part)
    } else {
      try makeCompanions(in: part, console)
    }
    do {
      try FileManager.default.moveItem(atPath: part, toPath: target)
    } catch {
      throw Failure("\(target) cannot be made: \(error.localizedDescription)")
    }
    return report
  }

  /// Configuration and tokenizer of a GGUF file.
  private func makeCompanions(in folder: String, _ console: Console) throws {
    let source = conversion.source
    var members = source.configuration.hubConfiguration()
    func token(_ token: Int32?) -> JSONValue { token.map { .int(Int($0)) } ?? .null }
    members["bos_token_id"] = token(source.vocabulary?.beginToken ?? 2)
    members["eos_token_id"] = token(source.vocabulary?.endToken ?? 1)
    members["pad_token_id"] = token(source.vocabulary.map(\.padToken) ?? 0)
    members["torch_dtype"] = dataType
    try AtomicFile.write(JSONValue.object(members).serialized(pretty: true), to: folder + "/config.json")
    guard let vocabulary = source.vocabulary else {
      console.warn("\(source.path) has no vocabulary; the export has no tokenizer")
      return
    }
    // Each kind in the one form that says everything about it.
    if let json = vocabulary.tokenizerJSON() {
      try AtomicFile.write(json, to: folder + "/tokenizer.json")
    } else {
      try AtomicFile.write(vocabulary.sentencePieceModel(), to: folder + "/tokenizer.model")
    }
    try AtomicFile.write(
      vocabulary.hubConfiguration().serialized(pretty: true), to: folder + "/tokenizer_config.json")
  }

  /// What lies beside the weights is taken over as it is; only the data type in `config.json` may have become another.
  private func copyCompanions(of directory: ModelDirectory, to folder: String) throws {
    let files = FileManager.default
    for name in try files.contentsOfDirectory(atPath: directory.path).sorted() {
      let isCompanion =
        name == "tokenizer.model"
        || (name.hasSuffix(".json") || name.hasSuffix(".jinja"))
          && name != "config.json" && !name.hasSuffix(".index.json") && !name.hasPrefix("adapter_")
      guard isCompanion, RegularFile.isRegular(directory.path + "/" + name) else { continue }
      // Read and written, not copied: downloads often are links, which lead nowhere from another folder.
      guard let bytes = files.contents(atPath: directory.path + "/" + name) else {
        throw Failure("\(directory.path)/\(name) cannot be read")
      }
      try AtomicFile.write([UInt8](bytes), to: folder + "/" + name)
    }
    let text = try JSONValue(file: directory.path + "/config.json")
    guard var members = text.objectValue else { return }
    setDataType(&members)
    if var nested = members["text_config"]?.objectValue {
      setDataType(&nested)
      members["text_config"] = .object(nested)
    }
    try AtomicFile.write(JSONValue.object(members).serialized(pretty: true), to: folder + "/config.json")
  }

  private func setDataType(_ members: inout JSONObject) {
    for key in ["torch_dtype", "dtype"] where members[key] != nil { members[key] = dataType }
  }

  private var dataType: JSONValue {
    switch conversion.format {
    case .f16: "float16"
    case .bf16: "bfloat16"
    default: "float32"
    }
  }
}

import Foundation
import Numerics
import Registry
import Weights

/// `gemfill model quantize`.
struct ModelQuantizeCommand: Command {
  static let name = "quantize"
  static let summary = "Write a model with smaller weights and say what rounding costs."
  static let discussion = """
    The result is a GGUF file that llama.cpp reads as well. The relative error is the root of the summed squared
    differences over that of the summed squares, of all matrices. The embedding is also the output head, where
    errors cost most: with q4_0 it is kept in q8_0 unless --embedding says otherwise.
    """
  static let positionals = [ModelCommand.namePositional]
  static let options = [
    Option.choice("type", ["q8_0", "q4_0"], help: "Form of the weights (default q8_0)."),
    Option.choice("embedding", ["q8_0", "q4_0"], help: "Form of the embedding (default q8_0)."),
    Option.text("out", "F.gguf", help: "Write here (default: into Gemfill's home, under a name of its own)."),
    Option.text("name", "NEW", help: "Name in Gemfill's home (default: NAME-TYPE)."),
  ]

  static func run(_ arguments: Arguments, _ console: Console) async throws -> ExitCode {
    let registry = try ModelCommand.open()
    let name = arguments.required("NAME")
    let type = BlockFormat(rawValue: arguments.text("type") ?? "q8_0") ?? .q8_0
    let embedding = BlockFormat(rawValue: arguments.text("embedding") ?? "q8_0") ?? .q8_0
    let newName = arguments.text("name") ?? "\(ModelCommand.shortName(name))-\(type.rawValue)"
    let source = try ModelSource(path: ModelCommand.path(name, registry))
    let target = try arguments.text("out") ?? place(newName, registry)
    let conversion = ModelConversion(source: source, format: type, embeddingFormat: embedding) { share in
      try ModelCommand.checkInterrupt()
      console.progress("quantizing \(Console.bar(share))")
    }
    let report = try conversion.writeGGUF(to: target, name: newName)
    console.endProgress()
    if arguments.text("out") == nil { try registry.addModel(name: newName, path: target) }
    let before = try source.bytesByFormat().reduce(0) { $0 + $1.bytes }
    console.emit(json: [
      "path": .string(target), "name": arguments.text("out") == nil ? .string(newName) : .null,
      "type": .string(type.rawValue), "embedding": .string(embedding.rawValue),
      "tensors": .int(report.tensorCount), "bytes_before": .int(before), "bytes": .int(report.byteCount),
      "relative_error": .double(report.relativeError),
      "worst": report.worst.map { ["tensor": .string($0.name), "relative_error": .double($0.error)] }
        ?? .null,
    ])
    console.print(
      "\(target): \(ModelCommand.size(before)) → \(ModelCommand.size(report.byteCount)), relative error "
        + String(format: "%.4f", report.relativeError)
        + (report.worst.map { String(format: " (worst %.4f, ", $0.error) + $0.name + ")" } ?? ""))
    return .done
  }

  /// A new file in the home; the name must be free.
  private static func place(_ name: String, _ registry: ModelRegistry) throws -> String {
    try ModelRegistry.check(name: name)
    if try registry.models().contains(where: { $0.name == name }) {
      throw RegistryError.taken(what: "model", name: name)
    }
    let folder = registry.home.models
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw RegistryError.files(path: folder, reason: "cannot be made: \(error.localizedDescription)")
    }
    return folder + "/" + name + ".gguf"
  }
}

/// `gemfill model export`.
struct ModelExportCommand: Command {
  static let name = "export"
  static let summary = "Write a model as a GGUF file or as a folder that transformers loads."
  static let positionals = [ModelCommand.namePositional]
  static let options = [
    Option.choice("format", ["gguf", "safetensors"], help: "Form of the export (default safetensors)."),
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
    let target = arguments.text("out") ?? ModelCommand.shortName(name) + (isGGUF ? ".gguf" : "")
    guard !FileManager.default.fileExists(atPath: target) else {
      throw Failure("\(target) exists already; choose another place with --out")
    }
    var conversion = ModelConversion(source: source, format: isGGUF ? type : type ?? .f32)
    conversion.progress = { share in
      try ModelCommand.checkInterrupt()
      console.progress("exporting \(Console.bar(share))")
    }
    let report =
      isGGUF
      ? try conversion.writeGGUF(to: target, name: ModelCommand.shortName(name))
      : try writeFolder(target, conversion, console)
    console.endProgress()
    console.emit(json: [
      "path": .string(target), "format": isGGUF ? "gguf" : "safetensors", "tensors": .int(report.tensorCount),
      "bytes": .int(report.byteCount), "relative_error": .double(report.relativeError),
    ])
    console.print(
      "exported \(report.tensorCount) tensors, \(ModelCommand.size(report.byteCount)), to \(target)")
    return .done
  }

  /// Makes the folder under another name first, so that it appears whole or not at all.
  private static func writeFolder(
    _ target: String, _ conversion: ModelConversion, _ console: Console
  ) throws -> ModelConversion.Report {
    let part = target + ".part-\(getpid())"
    do {
      try FileManager.default.createDirectory(atPath: part, withIntermediateDirectories: true)
    } catch {
      throw Failure("\(target) cannot be made: \(error.localizedDescription)")
    }
    defer { try? FileManager.default.removeItem(atPath: part) }
    let source = conversion.source
    let report = try conversion.writeSafetensors(to: part + "/model.safetensors")
    let configuration = source.configuration.hubConfiguration(
      type: conversion.format ?? .f32, vocabulary: source.vocabulary)
    try AtomicFile.write(configuration.serialized(pretty: true), to: part + "/config.json")
    if let vocabulary = source.vocabulary {
      try AtomicFile.write(vocabulary.sentencePieceModel(), to: part + "/tokenizer.model")
      try AtomicFile.write(
        vocabulary.hubConfiguration().serialized(pretty: true), to: part + "/tokenizer_config.json")
    } else {
      console.warn("\(source.path) has no vocabulary; the export has no tokenizer.model")
    }
    do {
      try FileManager.default.moveItem(atPath: part, toPath: target)
    } catch {
      throw Failure("\(target) cannot be made: \(error.localizedDescription)")
    }
    return report
  }
}

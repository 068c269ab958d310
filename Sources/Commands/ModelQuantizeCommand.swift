import Foundation
import Numerics
import Registry
import Weights

/// `gemfill model quantize`.
struct ModelQuantizeCommand: Command {
  static let name = "quantize"
  static let summary = "Write a model with smaller weights and say what rounding costs."
  static let discussion = """
    The result is a GGUF file that llama.cpp reads as well. The scale of each block is searched for the least squared
    error; with --importance an error counts by how strongly its column is used while the model reads the given code,
    and the loss on other parts of that code is measured before and after. The relative error is the root of the
    summed squared differences over that of the summed squares. The embedding is also the output head, where
    errors cost most: with q4_0 it is kept in q8_0 unless --embedding says otherwise.
    """
  static let positionals = [ModelCommand.namePositional]
  static let options = [
    Option.choice("type", ["q8_0", "q4_0"], help: "Form of the weights (default q8_0)."),
    Option.choice("embedding", ["q8_0", "q4_0"], help: "Form of the embedding (default q8_0)."),
    Option.text("importance", "PATH", help: "File or folder of code to weigh errors by."),
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
    guard !FileManager.default.fileExists(atPath: target) else {
      throw Failure("\(target) exists already; name a file that does not")
    }
    var conversion = ModelConversion(source: source, format: type, embeddingFormat: embedding)
    conversion.progress = { share in
      try ModelCommand.checkInterrupt()
      console.progress("quantizing \(Console.bar(share))")
    }
    var sample: CodeSample?
    var lossBefore: Double?
    if let path = arguments.text("importance") {
      let code = try CodeSample(path: path, source: source)
      console.progress("reading code")
      let measured = try code.measure(modelPath: source.path, collectsStatistics: true)
      conversion.statistics = measured.statistics
      lossBefore = measured.lossPerByte
      sample = code
    }
    let report = try conversion.writeGGUF(to: target, name: newName)
    let lossAfter = try sample?.measure(modelPath: target, collectsStatistics: false).lossPerByte
    console.endProgress()
    if arguments.text("out") == nil { try registry.addModel(name: newName, path: target) }
    let before = try source.bytesByFormat().reduce(0) { $0 + $1.bytes }
    console.emit(json: [
      "path": .string(target), "name": arguments.text("out") == nil ? .string(newName) : .null,
      "type": .string(type.rawValue), "embedding": .string(embedding.rawValue),
      "tensors": .int(report.tensorCount), "bytes_before": .int(before), "bytes": .int(report.byteCount),
      "relative_error": .double(report.relativeError),
      "rounding_to_nearest": report.total?.nearest.map { .double($0.relative) } ?? .null,
      "worst": report.worst.map { ["tensor": .string($0.name), "relative_error": .double($0.error)] }
        ?? .null,
      "classes": report.json, "bits_per_byte_before": lossBefore.map { .double($0) } ?? .null,
      "bits_per_byte": lossAfter.map { .double($0) } ?? .null,
    ])
    show(report, console)
    console.print("\(target): \(ModelCommand.size(before)) → \(ModelCommand.size(report.byteCount))")
    if let lossBefore, let lossAfter {
      console.print(
        String(
          format: "loss on code that was not weighed: %.4f → %.4f bits per byte (%+.2f %%)", lossBefore,
          lossAfter,
          100 * (lossAfter / lossBefore - 1)))
    }
    return .done
  }

  private static func show(_ report: ConversionReport, _ console: Console) {
    func relative(_ error: QuantizationError?) -> String {
      error.map { String(format: "%.4f", $0.relative) } ?? "-"
    }
    var rows = report.classes.map { name, errors in
      [
        name, relative(errors.found), relative(errors.nearest), relative(errors.weightedFound),
        relative(errors.weightedNearest),
      ]
    }
    if let total = report.total {
      rows.append([
        "all", relative(total.found), relative(total.nearest), relative(total.weightedFound),
        relative(total.weightedNearest),
      ])
    }
    console.table(
      ["relative error of", "here", "rounding to nearest", "weighted, here", "weighted, nearest"], rows,
      alignment: [.left, .right, .right, .right, .right])
    if let worst = report.worst {
      console.print("worst: " + worst.name + String(format: " with %.4f", worst.error))
    }
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

import Foundation
import Registry
import Testing
import Training
import Weights

@testable import Commands

@Suite struct TorchEngineTests {
  private static func options(_ words: [String]) throws -> TorchOptions {
    try TorchOptions(Arguments(["PATH"] + words, for: TrainCommand.self))
  }

  @Test func nothingOfPyTorchIsAskedWithoutItsOptions() throws {
    #expect(try !Self.options([]).isAsked)
    #expect(try !Self.options(["--engine", "native"]).isAsked)
    #expect(try Self.options(["--engine", "torch"]).isAsked)
    #expect(try Self.options(["--export-bundle", "DIR"]).isAsked)
  }

  @Test(arguments: [
    (["--nproc", "2"], "--nproc needs --engine torch"),
    (["--packing", "--engine", "native"], "--packing needs --engine torch"),
    (["--engine", "torch", "--master", "host:1"], "--master needs --nnodes"),
    (["--engine", "torch", "--nnodes", "2", "--master", "host"], "is not HOST:PORT"),
    (["--engine", "torch", "--nnodes", "2", "--master", "host:0"], "is not HOST:PORT"),
  ])
  func optionsThatMeanNothingAreRefused(words: [String], message: String) {
    #expect {
      _ = try Self.options(words)
    } throws: { "\($0)".contains(message) }
  }

  @Test func theRecipeSaysWhatTheNativeEngineDoes() throws {
    var recipe = TrainingRecipe()
    recipe.rank = 4
    recipe.seed = 7
    recipe.budget = .epochs(1.5)
    let options = try Self.options(["--engine", "torch", "--sharding", "fsdp", "--base-type", "bf16"])
    let card = AdapterCard(name: "a", baseName: "b.gguf", baseSHA256: String(repeating: "0", count: 64))
    let json = TorchRecipe(
      recipe: recipe, options: options,
      places: .init(base: "base", train: ["data/epoch-0"], heldOut: nil, initial: "initial"), card: card,
      dataSHA256: "1"
    ).json
    #expect(json["budget"] == ["epochs": 1.5])
    #expect(json["rank"] == 4 && json["seed"] == 7 && json["held_out"] == .null)
    #expect(json["engine"]?["sharding"] == "fsdp" && json["engine"]?["base_type"] == "bf16")
    #expect(json["beta2"]?.doubleValue.map { abs($0 - 0.95) < 1e-6 } == true)
    #expect(json["card"]?["data_sha256"] == "1" && json["card"]?["base_name"] == "b.gguf")
  }

  @Test func linesComeWholeWhateverThePieces() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let (reading, writing) = (ends[0], ends[1])
    Thread.detachNewThread {
      for piece in ["on", "e\ntwo\n", "\nlast"] {
        _ = Array(piece.utf8).withUnsafeBytes { write(writing, $0.baseAddress, $0.count) }
        usleep(5_000)
      }
      close(writing)
    }
    var lines: [String] = []
    LineReader(descriptor: reading).read(
      line: { lines.append(String(decoding: $0, as: UTF8.self)) }, idle: {})
    close(reading)
    #expect(lines == ["one", "two", "", "last"])
  }
}

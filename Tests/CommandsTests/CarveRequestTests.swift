import Carving
import Syntax
import Testing

@testable import Commands

struct CarveRequestTests {
  private func request(_ words: String...) throws -> CarveRequest {
    try CarveRequest(Arguments(["PATH"] + words, for: CarveCommand.self), LanguageCatalog.standard())
  }

  @Test func theDefaultsCarveTheFilesOnDisk() throws {
    let request = try request()
    #expect(request.paths == ["PATH"] && request.state == .disk && request.format == .jsonl)
    #expect(request.seed == 1 && request.epoch == 0 && request.shard == nil)
    #expect(request.languages == nil && request.limit == nil && request.out == nil)
  }

  @Test func statesAreDiskSplitOrACommit() throws {
    #expect(try request("--at", "split").state == .split)
    #expect(try request("--at", "abc1234").state == .commit("abc1234"))
  }

  @Test func shardsCountFromOne() throws {
    #expect(try request("--shard", "2/3").shard == CarvingRun.Shard(index: 1, count: 3))
  }

  struct Wrong: CustomTestStringConvertible {
    let words: [String]
    let expected: String
    var testDescription: String { words.joined(separator: " ") }
  }

  @Test(arguments: [
    Wrong(words: ["--format", "hf"], expected: "--format needs --out"),
    Wrong(words: ["--splits"], expected: "--splits needs --out"),
    Wrong(words: ["--out", "f", "--order", "spm"], expected: "--order needs --format hf"),
    Wrong(words: ["--out", "f", "--format", "parquet"], expected: "not one of jsonl, hf, tokens"),
    Wrong(words: ["--out", "f", "--base", "m"], expected: "--base needs --hardness"),
    Wrong(words: ["--older", "d"], expected: "--older needs --splits"),
    Wrong(words: ["--save-weights", "w"], expected: "--save-weights needs --prior"),
    Wrong(words: ["--prior", "--out", "f", "--splits", "--older", "d"], expected: "--prior learns"),
    Wrong(words: ["--explain", "a", "--out", "f"], expected: "--explain writes no examples"),
    Wrong(words: ["--out", "f", "--splits", "--older", "d", "--at", "split"], expected: "--older"),
    Wrong(words: ["--shard", "4/3"], expected: "--shard '4/3'"),
    Wrong(words: ["--shard", "0/3"], expected: "--shard '0/3'"),
    Wrong(words: ["--shard", "1/99999999999999999999"], expected: "--shard"),
    Wrong(words: ["--languages", "pyton"], expected: "no language 'pyton'"),
    Wrong(words: ["--languages", ","], expected: "--languages needs at least one name"),
    Wrong(words: ["--threads", "0"], expected: "--threads"),
  ])
  func whatMeansNothingTogetherIsNamed(_ wrong: Wrong) {
    let error = #expect(throws: UsageError.self) {
      try CarveRequest(
        Arguments(["PATH"] + wrong.words, for: CarveCommand.self), LanguageCatalog.standard())
    }
    #expect(error?.description.contains(wrong.expected) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("a/b.jsonl", "a/b.test.jsonl"), ("b", "b.test"), ("a.d/b", "a.d/b.test"), (".hidden", ".hidden.test"),
    ("x.y.jsonl", "x.y.test.jsonl"), ("a/b.safetensors.index.json", "a/b.test.safetensors.index.json"),
  ])
  func splitsStandBesideTheTrainingFile(out: String, expected: String) {
    #expect(CarveRequest.path(of: "test", beside: out) == expected)
    #expect(CarveRequest.path(of: nil, beside: out) == out)
  }
}

import Foundation
import Numerics
import Testing
import Weights

@testable import Training

private let query = "model.layers.0.self_attn.q_proj"
private let down = "model.layers.0.mlp.down_proj"

/// Folders that disappear with the test.
private final class Folder {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("gemfill-\(UUID().uuidString)")
    .path

  init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// An adapter of random factors; matrices are 10 x 8, those of `down` 8 x 12.
  func adapter(
    _ name: String, rank: Int = 2, alpha: Double = 4, modules: [String] = [query, down], seed: UInt64,
    change: (inout [Float]) -> Void = { _ in }
  ) throws -> PEFTAdapter {
    var random = SeededRandom(seed: seed)
    let outputs = modules.map { path in
      let (outputs, inputs) = path == down ? (8, 12) : (10, 8)
      var b = (0..<outputs * rank).map { _ in random.uniform(within: 1) }
      change(&b)
      return PEFTAdapter.OutputModule(
        modulePath: path, inputs: inputs, outputs: outputs,
        a: (0..<rank * inputs).map { _ in random.uniform(within: 1) }, b: b)
    }
    try PEFTAdapter.write(
      outputs, rank: rank, alpha: alpha, baseModelName: "tiny", to: path + "/" + name)
    return try PEFTAdapter(directory: path + "/" + name)
  }

  /// What an adapter adds to a matrix.
  func delta(_ adapter: PEFTAdapter, _ path: String) -> [Float]? {
    adapter.modules.first { $0.modulePath == path }.map { MergeTerm($0, weight: 1, parent: 0).delta }
  }

  /// The merged adapter, written and read.
  func merged(_ merge: AdapterMerge, _ parents: [(PEFTAdapter, Double)]) throws -> (
    AdapterMerge.Result, PEFTAdapter
  ) {
    let result = try merge.merge(
      parents.enumerated().map { .init(name: "parent \($0)", weight: $1.1, adapter: $1.0) })
    let place = path + "/merged-\(UUID().uuidString)"
    try result.write(to: place, baseModelName: "tiny")
    return (result, try PEFTAdapter(directory: place))
  }
}

private func isClose(_ a: [Float], _ b: [Float], _ tolerance: Float = 1e-5) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance }
}

@Suite struct AdapterMergeTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  @Test func linearIsTheExactSumOfAdaptersOfOtherRanksAndScales() throws {
    let a = try folder.adapter("a", rank: 2, alpha: 4, seed: 1)
    let b = try folder.adapter("b", rank: 3, alpha: 1.5, seed: 2)
    let (result, merged) = try folder.merged(AdapterMerge(.linear), [(a, 0.7), (b, -0.3)])
    #expect(result.rank == 5 && merged.alpha == 5 && result.retained == (1, 1))
    for path in [query, down] {
      let (x, y) = (try #require(folder.delta(a, path)), try #require(folder.delta(b, path)))
      let sum = zip(x, y).map { 0.7 * $0 - 0.3 * $1 }
      #expect(isClose(try #require(folder.delta(merged, path)), sum))
    }
  }

  @Test func aSmallerRankKeepsWhatItSays() throws {
    let a = try folder.adapter("a", rank: 2, seed: 1)
    let b = try folder.adapter("b", rank: 2, seed: 2)
    var merge = AdapterMerge(.linear)
    let whole = try folder.merged(merge, [(a, 0.5), (b, 0.5)])
    merge.rank = 2
    let (result, merged) = try folder.merged(merge, [(a, 0.5), (b, 0.5)])
    #expect(result.rank == 2 && result.retained.minimum < 1 && result.retained.minimum > 0.3)
    for (path, energy) in zip([down, query], result.retainedEnergy) {
      let all = try #require(folder.delta(whole.1, path))
      let kept = try #require(folder.delta(merged, path))
      let lost = zip(all, kept).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
      let total = all.reduce(0.0) { $0 + Double($1 * $1) }
      #expect(abs(1 - lost / total - energy) < 1e-4, "\(path)")
    }
  }

  @Test func tiesOfAnAdapterWithItselfIsTheAdapter() throws {
    let a = try folder.adapter("a", seed: 1)
    var merge = AdapterMerge(.ties)
    merge.density = 1
    let (result, merged) = try folder.merged(merge, [(a, 0.2), (a, 0.6)])
    #expect(result.retained.minimum > 0.9999)
    #expect(isClose(try #require(folder.delta(merged, query)), try #require(folder.delta(a, query)), 1e-4))
  }

  @Test func opposedSignsAreDecidedByTheWeightedSum() {
    let (x, y): ([Float], [Float]) = ([3, -1, 2, 0], [-1, -2, -2, 5])
    let weighted = [x.map { $0 * 0.75 }, y.map { $0 * 0.25 }]
    #expect(
      SignElection.mergekit(weighted, weights: [0.75, 0.25], consensus: .sum) == [2.25, -1.25, 1.5, 1.25])
    #expect(SignElection.mergekit(weighted, weights: [0.75, 0.25], consensus: .mean) == [3, -1.25, 2, 5])
    // PEFT: signs of the sums without weights, 2, -3, 0 and 5; divided by how many agree.
    #expect(SignElection.peft([x, y], weights: [0.75, 0.25], density: 1) == [2.25, -0.625, 1.5, 1.25])
  }

  @Test(arguments: [0.1, 0.25, 0.5, 0.99, 1])
  func trimmingKeepsExactlyTheLargest(share: Double) {
    var random = SeededRandom(seed: 9)
    let values = (0..<1_000).map { _ in (random.uniform(within: 8)).rounded() / 4 }
    var kept = values
    SignElection.keepLargest(&kept, share: share)
    let count = Int(share * 1_000)
    let zeros = values.count { $0 == 0 }
    #expect(kept.count { $0 != 0 } == min(count, 1_000 - zeros))
    let border = values.map(abs).sorted(by: >)[count - 1]
    for (before, after) in zip(values, kept) {
      #expect(after == before || after == 0 && abs(before) <= border)
      if abs(before) > border { #expect(after == before) }
    }
  }

  @Test func dareDropsAShareBySeedAndKeepsTheSum() throws {
    var values = [Float](repeating: 1, count: 20_000)
    SignElection.keepAtRandom(&values, share: 0.25, seed: 4)
    #expect(Set(values) == [0, 4])
    #expect(abs(values.reduce(0, +) / 20_000 - 1) < 0.05)

    let a = try folder.adapter("a", seed: 1)
    let b = try folder.adapter("b", seed: 2)
    var merge = AdapterMerge(.dare)
    let first = try folder.merged(merge, [(a, 0.5), (b, 0.5)]).1
    let again = try folder.merged(merge, [(a, 0.5), (b, 0.5)]).1
    merge.seed = 2
    let other = try folder.merged(merge, [(a, 0.5), (b, 0.5)]).1
    #expect(folder.delta(first, query) == folder.delta(again, query))
    #expect(folder.delta(first, query) != folder.delta(other, query))
  }

  @Test func aModuleThatOneLacksCountsAsZeroThere() throws {
    let a = try folder.adapter("a", seed: 1)
    let b = try folder.adapter("b", modules: [query], seed: 2)
    let (result, merged) = try folder.merged(AdapterMerge(.linear), [(a, 0.5), (b, 0.5)])
    #expect(result.incomplete.map(\.name) == ["parent 1"] && result.incomplete[0].modules == 1)
    let half = try #require(folder.delta(a, down)).map { $0 / 2 }
    #expect(isClose(try #require(folder.delta(merged, down)), half))
  }

  @Test func whatDoesNotFitIsSaidInOneLine() throws {
    let a = try folder.adapter("a", seed: 1)
    let wide = try folder.adapter("wide", rank: 3, seed: 2)
    let damaged = try folder.adapter("damaged", seed: 3) { $0[0] = .nan }
    func error(_ method: AdapterMerge.Method, _ second: PEFTAdapter?, weight: Double = 0.5) -> String {
      let parents = [a, second].compactMap(\.self)
      do {
        _ = try AdapterMerge(method).merge(
          parents.map { .init(name: $0.directory, weight: weight, adapter: $0) })
        return ""
      } catch { return error.description }
    }
    #expect(error(.linear, nil).contains("two or more"))
    #expect(error(.peftLinear, wide).contains("rank 2"))
    #expect(error(.peftTies, wide).contains("and 3 in"))
    #expect(error(.ties, damaged).contains("not finite"))
    #expect(error(.peftTies, a, weight: -1).contains("below 0"))
    #expect(error(.linear, a, weight: 1e300).contains("merged factors are not finite"))
    let other = try folder.adapter("other", modules: ["model.layers.0.self_attn.o_proj"], seed: 5)
    #expect(error(.ties, other) == "")
    // The same module with another matrix: the base is another one.
    let module = PEFTAdapter.OutputModule(
      modulePath: query, inputs: 4, outputs: 4, a: [1, 2, 3, 4], b: [1, 2, 3, 4])
    try PEFTAdapter.write([module], rank: 1, alpha: 1, baseModelName: nil, to: folder.path + "/small")
    #expect(error(.linear, try PEFTAdapter(directory: folder.path + "/small")).contains("different bases"))
    for method in AdapterMerge.Method.allCases {
      #expect(!error(method, damaged).contains("\n"))
    }
  }
}

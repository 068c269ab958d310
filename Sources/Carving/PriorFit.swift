import Foundation

/// Finds the sampler's shares under which its holes, judged, have given shares.
///
/// The sampler draws a cell, class × length; what it cuts then is judged to be of some cell, mostly the same. With the
/// measured probabilities of that, the wanted shares are those of a mixture, and its weights are found by expectation
/// and maximisation (Dempster, Laird, Rubin 1977), which here is iterative proportional fitting: each weight is
/// multiplied by how much more of what it gives is wanted.
struct PriorFit {
  let sample: PriorSample
  let base: CarvingSettings

  /// The classes that are fitted; E stays as it is, since history has no insertion of nothing.
  private static let kinds = InsertionHistogram.kinds
  private static let lengths = HoleLength.carved
  private static let cellCount = kinds.count * lengths.count
  private static let iterations = 100
  private static let rounds = 4
  /// At least this much of the weights stays as it was, so that no length of a class dies out.
  private static let inertia = 0.02
  /// No class that teaches how code fits its surroundings gets less of the holes than this. The likeliest weights can
  /// be one-sided without the histogram saying so: a run of one sibling is judged N, so that R can stand for most of N,
  /// which then hardly cuts conditions, arguments and right sides; and whole tails of blocks (1.5 to 2 % of insertions)
  /// are rarer in commits than while typing.
  static let floor = 0.03
  static let floored: [FIMExample.Kind] = [.node, .siblingRun, .lineTail, .blockTail, .characterSpan]
  /// No fewer holes begin inside a word than this: of edits within a line 11 to 29 % do in settled history.
  private static let leastMidToken = 0.15

  func settings(
    for wanted: InsertionHistogram, drawnTo before: InsertionHistogram, pseudoCount: Double,
    progress: ((String) -> Void)? = nil
  ) -> CarvingSettings {
    let target = Self.mixed(wanted.counts, before.counts, pseudoCount: pseudoCount)
    let start = Self.weights(of: base)
    let blocks = blockShare(bodies: Self.share(of: .signatureOrBody, target))
    let outcomes = sample.carve(with: settings(Self.even, blocks: blocks), wanted: 9_000)
    guard target.contains(where: { $0 > 0 }), !outcomes.isEmpty else { return base }
    let response = Response(outcomes)
    // How much of the target is not the team's. Many weights explain a target that is mostly that of the defaults: then
    // the defaults themselves are meant.
    let drawn = pseudoCount / max(1e-12, Double(wanted.total) + pseudoCount)
    var weights = response.fit(
      target, from: Self.mixed(start, Self.even, share: 0.1), iterations: Self.iterations)
    weights = Self.floored(
      Self.mixed(
        weights, start.enumerated().map { response.isKnown($0.offset) ? $0.element : 0 },
        share: max(Self.inertia, drawn * drawn)))
    // Where a file has none of what is drawn, something else is cut: ask for more of what falls short.
    var asked = weights
    for round in 1...Self.rounds {
      progress?("fitting weights: round \(round) of \(Self.rounds)")
      let outcomes = sample.carve(with: settings(asked, blocks: blocks), wanted: 5_000)
      let got = Self.counts(outcomes)
      let sum = max(1, got.reduce(0, +))
      for cell in 0..<Self.cellCount where weights[cell] > 0 {
        let ratio = weights[cell] / max(got[cell] / sum, 1e-4)
        asked[cell] *= min(2, max(0.5, ratio))
      }
      asked = Self.floored(asked)
    }
    var fitted = settings(asked, blocks: blocks)
    fitted.modifiers.midToken = midTokenShare(wanted, with: fitted, pseudoCount: pseudoCount)
    return fitted
  }

  /// How much of their share blocks keep in class N: hardly anybody inserts a whole body, but a block often is one.
  private func blockShare(bodies: Double) -> Double {
    var blocks = 1.0
    var nodes = settings(Self.even)
    nodes.classes = [.node: 1]
    nodes.lengths[.node] = base.lengths[.node]
    for _ in 0..<Self.rounds {
      nodes.units[.block] = (base.units[.block] ?? 0) * blocks
      let outcomes = sample.carve(with: nodes, wanted: 2_000)
      let found = outcomes.count { $0.judged.kind == .signatureOrBody }
      let share = Double(found) / Double(max(1, outcomes.count))
      if share <= bodies { break }
      blocks *= max(0.25, bodies / share)
    }
    return blocks
  }

  // MARK: Cells

  static func cell(_ kind: FIMExample.Kind, _ length: HoleLength) -> Int? {
    guard length != .beyond, let place = kinds.firstIndex(of: kind) else { return nil }
    return place * lengths.count + length.index
  }

  private static func counts(_ outcomes: [PriorSample.Outcome]) -> [Double] {
    var counts = [Double](repeating: 0, count: cellCount)
    for outcome in outcomes {
      if let cell = cell(outcome.kind, outcome.drawn) { counts[cell] += 1 }
    }
    return counts
  }

  /// Shares of the cells in settings; they add up to one.
  private static func weights(of settings: CarvingSettings) -> [Double] {
    let weights = kinds.flatMap { kind in
      let shares = settings.shares(of: kind)
      let sum = shares.reduce(0, +)
      return shares.map { sum > 0 ? $0 / sum * (settings.classes[kind] ?? 0) : 0 }
    }
    let sum = weights.reduce(0, +)
    return weights.map { sum > 0 ? $0 / sum : 0 }
  }

  private static func share(of kind: FIMExample.Kind, _ cells: [Double]) -> Double {
    guard let place = kinds.firstIndex(of: kind) else { return 0 }
    let own = cells[place * lengths.count..<(place + 1) * lengths.count].reduce(0, +)
    return own / max(1e-12, cells.reduce(0, +))
  }

  /// Every cell that the sampler can cut, as often as every other.
  private static let even: [Double] = {
    var weights = [Double](repeating: 1, count: cellCount)
    for length in lengths {
      if !length.isInLine, let cell = cell(.lineTail, length) { weights[cell] = 0 }
      if length.isInLine, let cell = cell(.blockTail, length) { weights[cell] = 0 }
    }
    if let cell = cell(.characterSpan, .many) { weights[cell] = 0 }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }()

  /// Shares that add up to one, with no class of `floored` below the floor, unless it has nothing at all.
  static func floored(_ weights: [Double]) -> [Double] {
    let sum = weights.reduce(0, +)
    guard sum > 0 else { return weights }
    var result = weights.map { $0 / sum }
    // What is given to one class is taken from all: a few rounds settle it.
    for _ in 0..<8 {
      for kind in floored {
        guard let place = kinds.firstIndex(of: kind) else { continue }
        let cells = place * lengths.count..<(place + 1) * lengths.count
        let own = result[cells].reduce(0, +)
        guard own > 1e-9, own < floor else { continue }
        for cell in result.indices {
          result[cell] *= cells.contains(cell) ? floor / own : (1 - floor) / (1 - own)
        }
      }
    }
    return result
  }

  private static func mixed(_ left: [Double], _ right: [Double], share: Double) -> [Double] {
    let leftSum = max(1e-12, left.reduce(0, +))
    let rightSum = max(1e-12, right.reduce(0, +))
    return zip(left, right).map { (1 - share) * $0 / leftSum + share * $1 / rightSum }
  }

  /// Counts with so many more that are distributed as in `prior`.
  private static func mixed(_ counts: [Double], _ prior: [Double], pseudoCount: Double) -> [Double] {
    let sum = counts.reduce(0, +)
    guard prior.contains(where: { $0 > 0 }) else { return counts }
    return mixed(counts, prior, share: pseudoCount / max(1e-12, sum + pseudoCount))
  }

  /// Settings that draw the cells with the given weights.
  private func settings(_ weights: [Double], blocks: Double = 1) -> CarvingSettings {
    var settings = base
    settings.units[.block] = (base.units[.block] ?? 0) * blocks
    let others = base.classes.filter { !Self.kinds.contains($0.key) }.values.reduce(0, +)
    let fitted = max(1e-12, base.classes.values.reduce(0, +) - others)
    let sum = max(1e-12, weights.reduce(0, +))
    for (place, kind) in Self.kinds.enumerated() {
      let own = weights[place * Self.lengths.count..<(place + 1) * Self.lengths.count].map {
        $0 / sum * fitted
      }
      let total = own.reduce(0, +)
      settings.classes[kind] = total
      guard total > 0 else { continue }
      let single = own[..<HoleLength.inLine.count].reduce(0, +)
      settings.lengths[kind] = CarvingSettings.Lengths(
        lines: [single] + own[HoleLength.inLine.count...],
        inLine: single > 0 ? Array(own[..<HoleLength.inLine.count]) : [1, 1, 1, 1, 1])
    }
    if settings.shares(of: .node)[HoleLength.tiny.index] > 0 {
      settings.units[.token] = max(1, settings.units[.token] ?? 0)
    }
    return settings
  }

  // MARK: Words half typed

  /// The share of holes to begin inside a word so that as many do as insertions do.
  ///
  /// History holds finished edits: half-typed words are rarer in it than while typing, so that the share is not taken
  /// far from where it was.
  private func midTokenShare(
    _ wanted: InsertionHistogram, with settings: CarvingSettings, pseudoCount: Double
  ) -> Double {
    let outcomes = sample.carve(with: settings, wanted: 4_000)
    let now = settings.modifiers.midToken
    guard !outcomes.isEmpty, now > 0 else { return now }
    let inside = outcomes.filter { $0.judged.cursor == .insideWord }
    let moved = Double(inside.count(where: \.isMidToken)) / Double(outcomes.count)
    let natural = Double(inside.count(where: { !$0.isMidToken })) / Double(outcomes.count)
    let count = Double(wanted.cursors[InsertionClass.Cursor.insideWord.rawValue] ?? 0)
    let share =
      (count + pseudoCount * (moved + natural)) / max(1e-12, Double(wanted.total) + pseudoCount)
    guard moved > 0 else { return now }
    return min(2 * now, max(min(now, Self.leastMidToken), now * (share - natural) / moved))
  }
}

/// What the sampler's cells are judged to be.
private struct Response {
  /// [drawn cell][judged cell], shares of the drawn cell's holes.
  private let shares: [[Double]]
  private let isKnown: [Bool]

  init(_ outcomes: [PriorSample.Outcome]) {
    let count = InsertionHistogram.kinds.count * HoleLength.carved.count
    var shares = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
    for outcome in outcomes {
      guard let drawn = PriorFit.cell(outcome.kind, outcome.drawn),
        let judged = PriorFit.cell(outcome.judged.kind, outcome.judged.length)
      else { continue }
      shares[drawn][judged] += 1
    }
    isKnown = shares.map { $0.reduce(0, +) >= 5 }
    self.shares = zip(shares, isKnown).map { row, isKnown in
      let sum = row.reduce(0, +)
      return isKnown ? row.map { $0 / sum } : row.map { _ in 0 }
    }
  }

  /// Whether enough holes of a cell were seen.
  func isKnown(_ cell: Int) -> Bool { isKnown[cell] }

  /// The weights of the cells under which the judged shares are likeliest `target`.
  ///
  /// The floors hold in every iteration, so that the other cells make up for them.
  func fit(_ target: [Double], from start: [Double], iterations: Int) -> [Double] {
    var weights = zip(start, isKnown).map { $1 ? $0 : 0 }
    for _ in 0..<iterations {
      var mixture = [Double](repeating: 0, count: target.count)
      for (weight, row) in zip(weights, shares) where weight > 0 {
        for judged in row.indices { mixture[judged] += weight * row[judged] }
      }
      let wanted = zip(target, mixture).map { $1 > 0 ? $0 / $1 : 0 }
      for drawn in weights.indices where weights[drawn] > 0 {
        weights[drawn] *= zip(shares[drawn], wanted).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let sum = weights.reduce(0, +)
      guard sum > 0 else { return start }
      weights = PriorFit.floored(weights)
    }
    return weights
  }
}

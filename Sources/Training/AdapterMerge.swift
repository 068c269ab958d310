import Foundation
import Numerics
import Weights

/// One adapter out of several of the same base, without training.
///
/// Adapters are added as what they add to the base's matrices, `Δ = scale · B A` (Ilharco et al. 2023), not factor by factor: the
/// product of summed factors is not the sum of the products. PEFT's own `linear` and `ties`, which go factor by factor, are
/// there for those who have to match it.
public struct AdapterMerge: Sendable {
  /// How adapters become one.
  public enum Method: String, Sendable, CaseIterable {
    /// `Σ wᵢ Δᵢ`, exact: the factors of all, side by side.
    case linear
    /// The largest entries of each, sign elected over the weighted sum, those that agree (Yadav et al. 2023, as mergekit does).
    case ties
    /// A random part of the entries of each, scaled up, then as `ties` (Yu et al. 2024).
    case dare
    /// PEFT's `cat`: `linear`.
    case cat
    /// PEFT's `svd`: `linear`, brought to the largest rank of all.
    case svd
    /// PEFT's `ties_svd`: sign elected over the sum without weights, divided by how many agree.
    case tiesSVD = "ties-svd"
    /// PEFT's `linear`: A and B are added apart.
    case peftLinear = "peft-linear"
    /// PEFT's `ties`: A and B are merged apart.
    case peftTies = "peft-ties"
  }

  /// What becomes of entries that agree in sign.
  public enum Consensus: String, Sendable, CaseIterable {
    /// Their weighted mean: `normalize: true` of mergekit.
    case mean
    /// Their weighted sum.
    case sum
  }

  /// One of the adapters.
  public struct Parent: Sendable {
    /// What it is called in messages.
    public let name: String
    /// What its product is multiplied by.
    public let weight: Double
    /// Its factors.
    public let adapter: PEFTAdapter

    /// An adapter and its share.
    public init(name: String, weight: Double, adapter: PEFTAdapter) {
      self.name = name
      self.weight = weight
      self.adapter = adapter
    }
  }

  /// The merged factors.
  public struct Result: Sendable {
    /// The factors of all modules, with a scale of 1.
    public var modules: [PEFTAdapter.OutputModule]
    /// Their rank, which is also their alpha.
    public var rank: Int
    /// Of each module the share of `‖Δ‖²` that the rank has room for.
    public var retainedEnergy: [Double]
    /// Parents that have no factors for some of the modules, and for how many; they count as zeros there.
    public var incomplete: [(name: String, modules: Int)]

    /// The smallest share and the mean.
    public var retained: (minimum: Double, mean: Double) {
      (
        retainedEnergy.min() ?? 1,
        retainedEnergy.isEmpty ? 1 : retainedEnergy.reduce(0, +) / Double(retainedEnergy.count)
      )
    }

    /// Writes an adapter of the subset that every server loads.
    ///
    /// - Throws: `WeightsError.unwritable`.
    public func write(to directory: String, baseModelName: String?) throws(WeightsError) {
      try PEFTAdapter.write(
        modules, rank: rank, alpha: Double(rank), baseModelName: baseModelName, to: directory)
    }
  }

  /// How.
  public var method: Method
  /// Share of the entries that `ties`, `dare`, `ties-svd` and `peft-ties` keep.
  public var density = 0.5
  /// Rank of the result; nil keeps all of `linear` and takes the largest rank of the parents otherwise.
  public var rank: Int?
  /// What becomes of agreeing entries; nil takes mergekit's default: `mean` for `ties`, `sum` for `dare`.
  public var consensus: Consensus?
  /// Decides what `dare` drops.
  public var seed: UInt64 = 1

  /// `consensus`, or the default of the method.
  public var chosenConsensus: Consensus { consensus ?? (method == .ties ? .mean : .sum) }

  /// A merge with the usual settings.
  public init(_ method: Method) { self.method = method }

  /// Merges adapters.
  ///
  /// - Throws: `AdapterMergeError` where they do not fit each other or hold values that are not finite.
  public func merge(_ parents: [Parent]) throws(AdapterMergeError) -> Result {
    try check(parents)
    var paths = Set<String>()
    for parent in parents { paths.formUnion(parent.adapter.modules.map(\.modulePath)) }
    var merged: [MergedModule] = []
    for path in paths.sorted() { merged.append(try module(path, parents)) }
    let common = merged.map(\.rank).max() ?? 1
    guard common <= Self.maximumRank else { throw .rankTooLarge(common, most: Self.maximumRank) }
    let incomplete = parents.map { (name: $0.name, modules: paths.count - $0.adapter.modules.count) }
    let modules = merged.map { $0.output(rank: common) }
    // Finite factors may overflow when they are multiplied, and have no root where an alpha is negative.
    for (path, module) in zip(paths.sorted(), modules) where !module.isFinite {
      throw .overflow(module: path)
    }
    return Result(
      modules: modules, rank: common, retainedEnergy: merged.map(\.energy),
      incomplete: incomplete.filter { $0.modules > 0 })
  }

  /// Ranks above this are not read.
  private static let maximumRank = 4_096

  private func check(_ parents: [Parent]) throws(AdapterMergeError) {
    guard parents.count > 1 else { throw .tooFew }
    for parent in parents {
      for module in parent.adapter.modules {
        guard module.a.isFinite, module.b.isFinite, module.scale.isFinite, parent.weight.isFinite else {
          throw .notFinite(adapter: parent.name, module: module.modulePath)
        }
      }
    }
    guard method == .peftLinear || method == .peftTies else { return }
    if let negative = parents.first(where: { $0.weight < 0 }) {
      throw .negativeWeight(adapter: negative.name, method: method.rawValue)
    }
  }

  private func module(_ path: String, _ parents: [Parent]) throws(AdapterMergeError) -> MergedModule {
    var terms: [MergeTerm] = []
    var owner = ""
    for (index, parent) in parents.enumerated() {
      guard let module = parent.adapter.modules.first(where: { $0.modulePath == path }) else { continue }
      let term = MergeTerm(module, weight: parent.weight, parent: index)
      if let first = terms.first, (first.inputs, first.outputs) != (term.inputs, term.outputs) {
        throw .otherShape(
          module: path, "\(first.outputs) x \(first.inputs)", in: owner,
          "\(term.outputs) x \(term.inputs)", against: parent.name)
      }
      if let first = terms.first, first.rank != term.rank, method == .peftLinear || method == .peftTies {
        throw .otherRank(
          module: path, first.rank, in: owner, term.rank, against: parent.name, method: method.rawValue)
      }
      if terms.isEmpty { owner = parent.name }
      terms.append(term)
    }
    return combine(MergeTerms(path: path, terms: terms, seed: seed))
  }

  private func combine(_ terms: MergeTerms) -> MergedModule {
    let largest = terms.terms.map(\.rank).max() ?? 1
    switch method {
    case .linear, .cat:
      return terms.sideBySide(rank: rank)
    case .svd:
      return terms.sideBySide(rank: rank ?? largest)
    case .ties:
      let delta = terms.elected(density: density, dropping: .smallest, consensus: chosenConsensus)
      return terms.factored(delta, rank: rank ?? largest)
    case .dare:
      let delta = terms.elected(density: density, dropping: .random, consensus: chosenConsensus)
      return terms.factored(delta, rank: rank ?? largest)
    case .tiesSVD:
      return terms.factored(terms.electedAsPEFT(density: density), rank: rank ?? largest)
    case .peftLinear:
      return terms.factorwise { values, weights in
        SignElection.weightedSum(values, weights: weights)
      }
    case .peftTies:
      return terms.factorwise { [density] values, weights in
        SignElection.peft(values, weights: weights, density: density)
      }
    }
  }
}

/// Why adapters cannot be merged.
public enum AdapterMergeError: Error, CustomStringConvertible, Sendable, Equatable {
  /// There is nothing to merge.
  case tooFew
  /// An adapter is damaged, or a weight is no number.
  case notFinite(adapter: String, module: String)
  /// Factors of finite parents that came out as no numbers.
  case overflow(module: String)
  /// The same module has another matrix.
  case otherShape(module: String, String, in: String, String, against: String)
  /// Factors of another rank cannot be added entry by entry.
  case otherRank(module: String, Int, in: String, Int, against: String, method: String)
  /// A square root of the weight is needed.
  case negativeWeight(adapter: String, method: String)
  /// Nobody reads so large a rank.
  case rankTooLarge(Int, most: Int)

  /// One line: what, where, and what to do.
  public var description: String {
    switch self {
    case .tooFew: "one adapter is no merge; name two or more"
    case .notFinite(let adapter, let module):
      "adapter \(adapter): \(module) holds values that are not finite; train it again"
    case .overflow(let module):
      "\(module): the merged factors are not finite; give smaller weights, and leave out adapters with a negative alpha"
    case .otherShape(let module, let first, let one, let second, let other):
      "\(module) is for a matrix of \(first) in \(one) and of \(second) in \(other); they belong to different bases"
    case .otherRank(let module, let first, let one, let second, let other, let method):
      "\(module) has rank \(first) in \(one) and \(second) in \(other), which \(method) cannot add; take linear, ties or dare"
    case .negativeWeight(let adapter, let method):
      "\(adapter) has a weight below 0, of which \(method) would need the square root; take linear or ties"
    case .rankTooLarge(let rank, let most): "the ranks add up to \(rank), more than \(most); give a --rank"
    }
  }
}

import Foundation
import Numerics
import Weights

/// One parent's factors for a module, with its weight.
struct MergeTerm {
  let a: [Float]  // [rank, inputs]
  let b: [Float]  // [outputs, rank]
  let rank: Int
  let inputs: Int
  let outputs: Int
  /// The adapter's own alpha / r.
  let scale: Float
  let weight: Double
  /// Number of the parent.
  let parent: Int

  init(_ module: PEFTAdapter.Module, weight: Double, parent: Int) {
    a = module.a.floats()
    b = module.b.floats()
    rank = module.a.shape[0]
    inputs = module.a.shape[1]
    outputs = module.b.shape[0]
    scale = module.scale
    self.weight = weight
    self.parent = parent
  }

  /// `scale · B A`, `[outputs, inputs]`.
  var delta: [Float] {
    SingularValueDecomposition.product(
      b.map { $0 * scale }, a, rows: outputs, inner: rank, columns: inputs)
  }
}

/// One module of the result.
struct MergedModule {
  let path: String
  let inputs: Int
  let outputs: Int
  let rank: Int
  let a: [Float]  // [rank, inputs]
  let b: [Float]  // [outputs, rank]
  /// Share of the squared norm of what was to be factored.
  let energy: Double

  /// The factors filled up with zeros to a common rank.
  func output(rank common: Int) -> PEFTAdapter.OutputModule {
    var wide = [Float](repeating: 0, count: outputs * common)
    for row in 0..<outputs {
      for column in 0..<rank { wide[row * common + column] = b[row * rank + column] }
    }
    return PEFTAdapter.OutputModule(
      modulePath: path, inputs: inputs, outputs: outputs,
      a: a + [Float](repeating: 0, count: (common - rank) * inputs), b: wide)
  }
}

/// The factors of all parents for one module; there is at least one.
struct MergeTerms {
  let path: String
  let terms: [MergeTerm]
  let seed: UInt64

  private var inputs: Int { terms[0].inputs }
  private var outputs: Int { terms[0].outputs }

  /// `Σ w · scale · B A` by stacking A and putting the scaled B side by side; brought to `rank` where that is less.
  func sideBySide(rank: Int?) -> MergedModule {
    let width = terms.reduce(0) { $0 + $1.rank }
    var b = [Float](repeating: 0, count: outputs * width)
    var first = 0
    for term in terms {
      let factor = Float(term.weight) * term.scale
      for row in 0..<outputs {
        for column in 0..<term.rank {
          b[row * width + first + column] = factor * term.b[row * term.rank + column]
        }
      }
      first += term.rank
    }
    let a = terms.flatMap(\.a)
    guard let rank, rank < width else { return module(a, b, rank: width, energy: 1) }
    return best(
      SingularValueDecomposition(left: b, right: a, rows: outputs, inner: width, columns: inputs), rank: rank)
  }

  /// The best factors of a dense matrix.
  func factored(_ delta: [Float], rank: Int) -> MergedModule {
    best(SingularValueDecomposition(delta, rows: outputs, columns: inputs), rank: rank)
  }

  private func best(_ found: SingularValueDecomposition, rank: Int) -> MergedModule {
    let factors = found.factors(rank: rank)
    return module(factors.right, factors.left, rank: rank, energy: found.energy(ofFirst: rank))
  }

  private func module(_ a: [Float], _ b: [Float], rank: Int, energy: Double) -> MergedModule {
    MergedModule(path: path, inputs: inputs, outputs: outputs, rank: rank, a: a, b: b, energy: energy)
  }

  /// TIES and DARE on the dense matrices, `[outputs, inputs]`.
  func elected(
    density: Double, dropping: SignElection.Dropping, consensus: AdapterMerge.Consensus
  ) -> [Float] {
    var weighted: [[Float]] = []
    for term in terms {
      var delta = term.delta
      switch dropping {
      case .smallest: SignElection.keepLargest(&delta, share: density)
      case .random:
        var hash = FNVHash(path.utf8)
        withUnsafeBytes(of: seed.littleEndian) { hash.add($0) }
        withUnsafeBytes(of: UInt64(term.parent).littleEndian) { hash.add($0) }
        SignElection.keepAtRandom(&delta, share: density, seed: hash.value)
      }
      let weight = Float(term.weight)
      for index in delta.indices { delta[index] *= weight }
      weighted.append(delta)
    }
    return SignElection.mergekit(weighted, weights: terms.map { Float($0.weight) }, consensus: consensus)
  }

  /// PEFT's TIES on the dense matrices.
  func electedAsPEFT(density: Double) -> [Float] {
    SignElection.peft(terms.map(\.delta), weights: terms.map { Float($0.weight) }, density: density)
  }

  /// A and B apart, each with the square root of weight · scale, as PEFT's `linear` and `ties` do.
  func factorwise(_ combine: ([[Float]], [Float]) -> [Float]) -> MergedModule {
    let roots = terms.map { Float((max(0, $0.weight) * Double($0.scale)).squareRoot()) }
    return module(
      combine(terms.map(\.a), roots), combine(terms.map(\.b), roots), rank: terms[0].rank, energy: 1)
  }
}

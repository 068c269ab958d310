/// Gives each file its part, so that no cluster of copies has members in two of them.
///
/// Of the training state one file of each cluster is kept, and goes to validation or training by its path. A file of the
/// later state, from which the test is made, may be a file of the training state that was changed since (same path: what
/// was inserted is tested, not what stood there). A new one is refused if it copies a file of the training state.
public struct SplitPlanner: Sendable {
  /// What a file is used for.
  public enum Part: String, Sendable, Codable, CaseIterable {
    case train
    case validation
    case test
  }

  /// Which state of the repository a file belongs to.
  public enum State: Sendable {
    /// What may be learnt from.
    case training
    /// What came later.
    case test
  }

  /// What becomes of a file.
  public enum Decision: Sendable, Equatable {
    /// It is used.
    case part(Part)
    /// It is a copy of another file, which is used in its place or was learnt from: `.duplicate` or `.nearDuplicate`.
    /// `jaccard` is the estimated similarity to that very file.
    case refused(SkipReason, of: Int, jaccard: Double)
  }

  private var finder: DuplicateFinder
  private var paths: [String] = []
  private var states: [State] = []

  /// An empty planner; files are nearly equal from `threshold` on.
  public init(threshold: Double = 0.7) {
    finder = DuplicateFinder(threshold: threshold)
  }

  /// How many files were added.
  public var count: Int { paths.count }

  /// Takes a file in, and says by which number the decisions name it: files are numbered from 0.
  ///
  /// - Parameter rank: of copies in the training state the one with the highest rank is kept; among equals the one with the smaller
  ///   path.
  @discardableResult
  public mutating func add(
    path: String, fingerprint: Fingerprint, rank: Int = 0, state: State = .training
  ) -> Int {
    paths.append(path)
    states.append(state)
    return finder.add(fingerprint, rank: rank, name: path)
  }

  /// One decision for each file, in the order of the numbers.
  public func decisions() -> [Decision] {
    let clusters = finder.keptOfClusters()
    let order = finder.order()
    let trainingPaths = Set(paths.indices.filter { states[$0] == .training }.map { paths[$0] })
    // The first of each cluster, of the training state and of the new files of the test state.
    var trained: [Int: Int] = [:]
    var tested: [Int: Int] = [:]
    for number in order where states[number] == .training && trained[clusters[number]] == nil {
      trained[clusters[number]] = number
    }
    for number in order where states[number] == .test && tested[clusters[number]] == nil {
      tested[clusters[number]] = number
    }
    let isAllHeldOut = trained.values.allSatisfy { ValidationSplit.holds(paths[$0]) }
    return paths.indices.map { number in
      let cluster = clusters[number]
      switch states[number] {
      case .training:
        if let kept = trained[cluster], kept != number { return refusal(of: number, for: kept) }
        return .part(ValidationSplit.holds(paths[number]) && !isAllHeldOut ? .validation : .train)
      case .test:
        if trainingPaths.contains(paths[number]) { return .part(.test) }
        if let kept = trained[cluster] { return refusal(of: number, for: kept) }
        if let kept = tested[cluster], kept != number { return refusal(of: number, for: kept) }
        return .part(.test)
      }
    }
  }

  private func refusal(of number: Int, for kept: Int) -> Decision {
    let similarity = finder.similarity(number, kept)
    return .refused(
      finder.areEqual(number, kept) ? .duplicate : .nearDuplicate, of: kept, jaccard: similarity)
  }
}

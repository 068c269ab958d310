import Carving
import Foundation
import Generation
import Numerics

/// Runs contenders over the same held-out examples.
///
///     let evaluator = Evaluator(options: .init(completions: 200))
///     let evaluation = try await evaluator.run(examples, contenders: [ngram, base, adapter])
///     print(Report(evaluation).table())
///
/// Examples are visited in a seeded random order, and every contender answers one example before the next is taken: a run
/// that is cut short by its time budget is still a fair, paired sample.
public struct Evaluator: Sendable {
  /// What to measure, and how much of it.
  public struct Options: Sendable {
    /// Prompt order of the main figures; completions are always generated in the model's serving order.
    public var order: PromptOrder
    /// Also score the other prompt order.
    public var scoresBothOrders: Bool
    /// Most examples to complete (the others are only scored); nil completes all.
    public var completions: Int?
    /// Most tokens of a completion.
    public var maxTokens: Int
    /// Stop taking new examples after this time; nil runs through all. Completing takes several times as long as scoring,
    /// and loss needs the larger sample: after 60 % of the time examples are only scored.
    public var budget: Duration?
    /// Seed of the order in which examples are visited.
    public var seed: UInt64
    /// Name of the repository or release that the examples are from, for results of several.
    public var package: String
    /// Says whether a completion leaves the file without a new syntax error; nil where it can't tell.
    public var parses: @Sendable (_ example: FIMExample, _ completion: [UInt8]) -> Bool?

    /// Creates options; the defaults measure everything on all examples.
    public init(
      order: PromptOrder = .suffixFirst, scoresBothOrders: Bool = false, completions: Int? = nil,
      maxTokens: Int = 64, budget: Duration? = nil, seed: UInt64 = 1, package: String = "",
      parses: @escaping @Sendable (FIMExample, [UInt8]) -> Bool? = { _, _ in nil }
    ) {
      self.order = order
      self.scoresBothOrders = scoresBothOrders
      self.completions = completions
      self.maxTokens = maxTokens
      self.budget = budget
      self.seed = seed
      self.package = package
      self.parses = parses
    }
  }

  /// How far a run has come.
  public struct Progress: Sendable {
    /// Examples that every contender has answered.
    public var done: Int
    /// Examples in the set.
    public var total: Int
    /// Time since the start.
    public var elapsed: Duration
  }

  private let options: Options

  /// Creates an evaluator.
  public init(options: Options = Options()) { self.options = options }

  /// Lets every contender answer every example.
  ///
  /// A cancelled run returns what was answered until then, so that work is not lost.
  /// - Throws: what a contender throws; `CancellationError` when the task is cancelled before the first example is answered.
  public func run(
    _ examples: [FIMExample], contenders: [any Contender], progress: (Progress) -> Void = { _ in }
  ) async throws -> Evaluation {
    var random = SeededRandom(seed: options.seed)
    let visits = Array(examples.indices).shuffled(using: &random)
    let clock = ContinuousClock()
    let start = clock.now
    var outcomes = [[Outcome]](repeating: [], count: contenders.count)
    for (done, index) in visits.enumerated() {
      let elapsed = clock.now - start
      if let budget = options.budget, done > 0, elapsed > budget { break }
      let hasTime = options.budget.map { done == 0 || elapsed < $0 * 0.6 } ?? true
      let completes = hasTime && (options.completions.map { done < $0 } ?? true)
      do {
        let answers = try await answers(
          of: contenders, to: examples[index], number: index, completes: completes)
        for (column, answer) in answers.enumerated() { outcomes[column].append(answer) }
      } catch is CancellationError where done > 0 {
        break
      }
      progress(Progress(done: done + 1, total: examples.count, elapsed: clock.now - start))
    }
    return Evaluation(
      contenders: contenders.map(\.name), outcomes: outcomes, offered: examples.count, order: options.order,
      elapsed: clock.now - start)
  }

  private func answers(
    of contenders: [any Contender], to example: FIMExample, number: Int, completes: Bool
  ) async throws -> [Outcome] {
    var answers: [Outcome] = []
    for contender in contenders {
      try Task.checkCancellation()
      answers.append(try await outcome(of: contender, on: example, number: number, completes: completes))
    }
    return answers
  }

  private func outcome(
    of contender: any Contender, on example: FIMExample, number: Int, completes: Bool
  ) async throws -> Outcome {
    // The completion comes first: its prompt is then cached when the same hole is scored.
    let completion = completes ? try await completion(of: contender, on: example) : nil
    let loss = try await contender.negativeLogLikelihood(of: example, order: options.order)
    var other: Double?
    if options.scoresBothOrders {
      let order: PromptOrder = options.order == .suffixFirst ? .prefixFirst : .suffixFirst
      other = try await contender.negativeLogLikelihood(of: example, order: order)
    }
    return Outcome(
      example: number, contender: contender.name, package: options.package, path: example.path,
      language: example.language, shape: HoleShape(example), kind: example.kind,
      middleBytes: example.middle.utf8.count, loss: loss, otherOrderLoss: other, completion: completion)
  }

  private func completion(
    of contender: any Contender, on example: FIMExample
  ) async throws -> CompletionOutcome {
    let clock = ContinuousClock()
    let start = clock.now
    let completion = try await contender.complete(example, maxTokens: options.maxTokens)
    return CompletionOutcome(
      completion, truth: Array(example.middle.utf8), parses: options.parses(example, completion.bytes),
      milliseconds: (clock.now - start) / .milliseconds(1))
  }
}

/// The outcomes of one run: per contender one per example, all in the same order.
public struct Evaluation: Sendable {
  /// Names of the contenders.
  public var contenders: [String]
  /// Outcomes, [contender][example].
  public var outcomes: [[Outcome]]
  /// Examples that were offered; fewer were answered when the time budget ran out.
  public var offered: Int
  /// Prompt order of the losses.
  public var order: PromptOrder
  /// Time of the whole run.
  public var elapsed: Duration

  /// Creates an evaluation from its parts.
  public init(
    contenders: [String], outcomes: [[Outcome]], offered: Int, order: PromptOrder, elapsed: Duration
  ) {
    self.contenders = contenders
    self.outcomes = outcomes
    self.offered = offered
    self.order = order
    self.elapsed = elapsed
  }

  /// One JSON line per answered example: the hole, its true text, and what every contender made of it.
  public func lines(of examples: [FIMExample]) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var bytes: [UInt8] = []
    for position in outcomes.first?.indices ?? 0..<0 {
      let answers = outcomes.map { $0[position] }
      bytes += try encoder.encode(ResultLine(example: examples[answers[0].example], outcomes: answers))
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }
}

/// One line of the result file: the members of the example, and `outcomes` beside them.
private struct ResultLine: Encodable {
  let example: FIMExample
  let outcomes: [Outcome]

  private enum Keys: String, CodingKey { case outcomes }

  func encode(to encoder: any Encoder) throws {
    try example.encode(to: encoder)
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(outcomes, forKey: .outcomes)
  }
}

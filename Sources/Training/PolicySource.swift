import Carving
import Gemma
import Generation
import Weights

/// Holes of which the policy fills each several times, when it is asked for: the answers of a hole are its sequences.
///
/// Sampling depends on the seed, the epoch, the hole and the factors alone, so that a resumed run draws what it would have drawn.
public struct PolicySource: SequenceSource {
  /// How answers are drawn.
  public struct Options: Sendable, Equatable {
    /// Answers to each hole.
    public var groupSize = 8
    /// Most tokens of an answer.
    public var maxTokens = 48
    /// 1 is the policy's own distribution.
    public var temperature: Float = 1

    /// The usual ones.
    public init() {}
  }

  private let sampler: GroupSampler
  private let format: PromptFormat
  private let options: Options
  private let recipe: TrainingRecipe
  private let reward: any RewardFunction
  private let policy: () -> LoRAAdapter?
  private let carve: (Int) throws -> [FIMExample]
  private var examples: [FIMExample] = []
  private var epoch = -1

  /// Creates a source over the holes that `carve` gives for an epoch; `policy` gives the factors as they are now.
  public init(
    _ sampler: GroupSampler, format: PromptFormat, options: Options, recipe: TrainingRecipe,
    reward: any RewardFunction, policy: @escaping () -> LoRAAdapter?,
    carve: @escaping (Int) throws -> [FIMExample]
  ) {
    self.sampler = sampler
    self.format = format
    self.options = options
    self.recipe = recipe
    self.reward = reward
    self.policy = policy
    self.carve = carve
  }

  /// That of the recipe.
  public var longestSequence: Int { recipe.maximumLength }

  /// Carves the epoch's holes.
  public mutating func open(epoch: Int) throws -> Int {
    if epoch != self.epoch {
      examples = try carve(epoch).filter { $0.kind != .plain && $0.kind != .empty }
      self.epoch = epoch
    }
    return examples.count
  }

  /// The first answer.
  public func sequence(at index: Int) throws -> TrainingSequence? { try sequences(at: index).first }

  /// The answers to a hole with their advantages; none where all are as good, or where the prompt is too long.
  public func sequences(at index: Int) throws -> [TrainingSequence] {
    let example = examples[index]
    guard let (rollouts, sequences) = try answers(to: example, epoch: epoch) else { return [] }
    let rewards = try reward.scores(rollouts)
    guard rewards.count == sequences.count, let first = rewards.first,
      rewards.contains(where: { $0 != first })
    else { return [] }
    return zip(sequences, GroupRelativeObjective.advantages(rewards)).map { sequence, advantage in
      var sequence = sequence
      if case .sampled(_, let old) = sequence.signal {
        sequence.signal = .sampled(advantage: advantage, logProbabilities: old)
      }
      return sequence
    }
  }

  /// Mean reward of one drawn answer to each of some holes.
  public func meanReward(_ holes: [FIMExample]) throws -> Double {
    var rollouts: [Rollout] = []
    for hole in holes { rollouts += try answers(to: hole, epoch: -1)?.rollouts ?? [] }
    guard !rollouts.isEmpty else { return 0 }
    return try reward.scores(rollouts).reduce(0, +) / Double(rollouts.count)
  }

  private func answers(
    to example: FIMExample, epoch: Int
  ) throws -> (rollouts: [Rollout], sequences: [TrainingSequence])? {
    let prompt = format.prompt(
      path: example.path, context: example.promptContext, prefix: Array(example.prefix.utf8),
      suffix: Array(example.suffix.utf8), order: .suffixFirst)
    let room = min(options.maxTokens, recipe.maximumLength - prompt.count)
    guard room > 0 else { return nil }
    var random = ExampleEncoder(format: format, recipe: recipe).random(for: example, epoch: epoch)
    let sampling = Sampling(temperature: options.temperature, seed: random.next())
    let samples = try sampler.sample(
      options.groupSize, behind: prompt, maxTokens: room, sampling: sampling, adapter: policy())
    let rollouts = samples.map {
      Rollout(example: example, completion: $0.bytes, isFinished: $0.isFinished)
    }
    let sequences = samples.map { sample in
      var sequence = TrainingSequence(
        tokens: prompt + sample.tokens,
        weights: prompt.map { _ in Float(0) } + sample.tokens.map { _ in 1 }, middleStart: prompt.count,
        middleBytes: sample.bytes.count)
      sequence.signal = .sampled(advantage: 0, logProbabilities: sample.logProbabilities)
      return sequence
    }
    return (rollouts, sequences)
  }
}

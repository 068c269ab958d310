import Carving
import Gemma
import Generation
import Training
import Weights

extension TrainingData {
  /// Verdicts on answers.
  init(preferences: PreferenceData) {
    let set = preferences.set
    self.init(
      path: set.path, hash: preferences.hash,
      kind: .preferences(set, heldOut: Array(preferences.heldOut.prefix(Self.heldOutLimit * 4))),
      fileCount: Set(set.examples.map(\.path)).count,
      byteCount: set.examples.reduce(0) { sum, example in
        switch example.verdict {
        case .single(let completion, _, _, _): sum + completion.utf8.count
        case .pair(let chosen, let rejected): sum + chosen.utf8.count + rejected.utf8.count
        }
      }, contextShare: 0)
  }

  /// Holes of an epoch, and held-out ones; nil where there are no texts to carve.
  private var holes: (carve: (Int) throws -> [FIMExample], heldOut: [FIMExample])? {
    switch kind {
    case .carved(let run, let first, let heldOut):
      ({ $0 == 0 ? first : try run.examples(epoch: $0) }, heldOut)
    case .examples(let examples, let heldOut): ({ _ in examples }, heldOut)
    case .shards, .preferences: nil
    }
  }

  /// A trainer of another objective than imitation.
  func objectiveTrainer(
    _ engine: Engine, _ recipe: TrainingRecipe, _ context: ObjectiveContext, directory: String,
    identity: String, measures: Bool
  ) throws -> Trainer {
    let longest = recipe.maximumLength
    let start = try context.start(engine.model)
    if case .preferences(let set, let heldOut) = kind {
      let held = heldOut.flatMap { $0.sequences(engine.format, limit: longest) }.filter(\.isWanted)
      return try Trainer(
        model: engine.model, recipe: recipe, directory: directory, identity: identity,
        source: PreferenceSource(set.examples, format: engine.format, limit: longest),
        heldOut: measures ? Array(held.prefix(Self.heldOutLimit)) : [],
        objective: recipe.objective.objective(of: set, longest: longest), start: start)
    }
    guard let holes else {
      throw Failure("\(path): token shards hold no texts; give PATH, or a dataset of JSON lines")
    }
    let encoder = ExampleEncoder(format: engine.format, recipe: recipe)
    let held = measures ? holes.heldOut.compactMap { encoder.sequence($0, order: .suffixFirst) } : []
    let source: any SequenceSource
    let factors = LateFactors()
    if let teacher = context.teacher, recipe.objective.teachesTexts {
      let texts = TeacherTexts(teacher.model, format: teacher.format, longest: longest) {
        example, text, probability in
        context.isWorthLearning(text, in: example, probability: probability)
      }
      source = CarvedSource(encoder: encoder, teacher: texts, carve: holes.carve)
    } else if let teacher = context.teacher {
      source = DistilledSource(
        CarvedSource(encoder: encoder, carve: holes.carve), teacher: Teacher(teacher.model, longest: longest))
    } else if let reward = context.reward {
      source = policySource(engine, recipe, reward, carve: holes.carve) { factors.adapter?.inferenceView() }
    } else {
      source = CarvedSource(encoder: encoder, carve: holes.carve)
    }
    let trainer = try Trainer(
      model: engine.model, recipe: recipe, directory: directory, identity: identity, source: source,
      heldOut: held, objective: recipe.objective.objective(longest: longest), start: start)
    factors.adapter = trainer.adapter
    return trainer
  }

  /// What the objective came to on files that are not learnt from; empty where it has no figures of its own.
  func measure(
    _ trainer: Trainer, _ engine: Engine, _ recipe: TrainingRecipe, _ context: ObjectiveContext
  ) throws -> JSONObject {
    var figures = JSONObject()
    if case .preferences(_, let heldOut) = kind {
      let sequences = heldOut.flatMap { $0.sequences(engine.format, limit: recipe.maximumLength) }
      guard let loss = trainer.measure(sequences) else { return figures }
      figures["answers"] = .int(sequences.count)
      figures["loss"] = .double(loss.mean)
      for (name, value) in loss.figures.sorted(by: { $0.key < $1.key }) { figures[name] = .double(value) }
    } else if let reward = context.reward, let holes, !holes.heldOut.isEmpty {
      func mean(_ isTuned: Bool) throws -> Double {
        try policySource(engine, recipe, reward, carve: holes.carve) {
          isTuned ? trainer.adapter.inferenceView() : nil
        }.meanReward(holes.heldOut)
      }
      figures["holes"] = .int(holes.heldOut.count)
      figures["base_reward"] = .double(try mean(false))
      figures["adapter_reward"] = .double(try mean(true))
    }
    return figures
  }

  private func policySource(
    _ engine: Engine, _ recipe: TrainingRecipe, _ reward: any RewardFunction,
    carve: @escaping (Int) throws -> [FIMExample], policy: @escaping () -> LoRAAdapter?
  ) -> PolicySource {
    PolicySource(
      GroupSampler(engine.model, format: engine.format, contextLength: recipe.maximumLength),
      format: engine.format, options: recipe.objective.policy, recipe: recipe, reward: reward, policy: policy,
      carve: carve)
  }
}

/// The factors of a trainer, for a source that is made before it.
private final class LateFactors {
  weak var adapter: TrainableAdapter?
}

import Training

/// The options of `gemfill train` that say what is lowered.
enum ObjectiveOptions {
  static let all = [
    Option.choice(
      "objective", ObjectiveSettings.Name.allCases.map(\.rawValue),
      help: "What training lowers (default sft)."),
    Option.text("preferences", "F.jsonl", help: "Answers with labels (kto, apo-zero) or pairs (dpo)."),
    Option.flag(
      "from-log", help: "Learn from what was accepted and dismissed here; the log must keep text."),
    Option.integer(
      "least-events", "N", in: 2...1_000_000, help: "Fewest labelled answers for kto (default 500)."),
    Option.number("beta", "X", in: 0...100, help: "Pull to the base (default 0.1; grpo 0)."),
    Option.number(
      "sft-weight", "X", in: 0...10, help: "Imitation of the chosen answer in dpo (default 0.1)."),
    Option.flag("normalize-length", help: "Compare answers in dpo by their mean token."),
    Option.choice("reward", RewardName.allCases.map(\.rawValue), help: "What grpo rewards (default parses)."),
    Option.text(
      "reward-command", "PROGRAM", help: "Reads answers as JSON lines and prints one score a line, for grpo."),
    Option.duration("reward-timeout", "TIME", help: "Longest time of one call of it (default 30s)."),
    Option.integer("group", "N", in: 2...16, help: "Answers to each hole in grpo (default 8)."),
    Option.integer("answer-tokens", "N", in: 1...512, help: "Most tokens of an answer in grpo (default 48)."),
    Option.number("temperature", "X", in: 0.05...5, help: "Of the answers in grpo (default 1)."),
    Option.text("teacher", "NAME|PATH", help: "Larger model of the same vocabulary, for distill."),
    Option.choice(
      "teach", ["logits", "texts"],
      help: "What distill learns: the teacher's probabilities (default), or middles that it writes."),
    Option.text("continue", "ADAPTER", help: "Start from this adapter's factors."),
  ]

  /// Learning rates with which adapters of verdicts and rewards begin: far below that of imitation, since a little is enough to
  /// change what is said.
  static let preferenceRate: Float = 5e-4

  /// The settings that the options name.
  ///
  /// - Throws: `UsageError` where options do not go together.
  static func settings(_ arguments: Arguments) throws -> ObjectiveSettings {
    var settings = ObjectiveSettings()
    if let word = arguments.text("objective"), let name = ObjectiveSettings.Name(rawValue: word) {
      settings.name = name
    }
    try check(arguments, settings.name)
    if settings.name == .grpo { settings.beta = 0 }
    if let beta = arguments.number("beta") { settings.beta = beta }
    if let weight = arguments.number("sft-weight") { settings.imitationWeight = weight }
    settings.normalizesLength = arguments.flag("normalize-length")
    if let size = arguments.integer("group") { settings.policy.groupSize = size }
    if let tokens = arguments.integer("answer-tokens") { settings.policy.maxTokens = tokens }
    if let temperature = arguments.number("temperature") { settings.policy.temperature = Float(temperature) }
    settings.teachesTexts = arguments.text("teach") == "texts"
    if settings.name == .grpo {
      settings.further =
        arguments.text("reward-command") ?? arguments.text("reward") ?? RewardName.parses.rawValue
    }
    return settings
  }

  private static func check(_ arguments: Arguments, _ name: ObjectiveSettings.Name) throws {
    func needs(_ options: [String], _ names: [ObjectiveSettings.Name]) throws {
      for option in options where arguments.flag(option) && !names.contains(name) {
        throw UsageError(
          "--\(option) is for --objective \(names.map(\.rawValue).joined(separator: " or "))")
      }
    }
    try needs(["preferences"], [.kto, .apoZero, .dpo])
    try needs(["from-log", "least-events"], [.kto, .apoZero])
    try needs(["sft-weight", "normalize-length"], [.dpo])
    try needs(["beta"], [.kto, .apoZero, .dpo, .grpo])
    try needs(
      ["reward", "reward-command", "reward-timeout", "group", "answer-tokens", "temperature"], [.grpo])
    try needs(["teacher", "teach"], [.distill])
    if name == .distill, arguments.text("teacher") == nil {
      throw UsageError("--objective distill needs --teacher MODEL")
    }
    guard name.learnsPreferences else { return }
    guard arguments.flag("preferences") != arguments.flag("from-log") else {
      throw UsageError(
        name == .dpo
          ? "--objective dpo learns from --preferences F.jsonl"
          : "--objective \(name.rawValue) learns from --preferences F.jsonl or --from-log")
    }
    for option in ["dataset", "weights", "prior", "at", "no-context"] where arguments.flag(option) {
      throw UsageError(
        "--\(option) is for carved examples; --objective \(name.rawValue) learns from verdicts")
    }
    guard arguments.positionals("PATH").isEmpty else {
      throw UsageError("--objective \(name.rawValue) learns from verdicts, not from PATH")
    }
  }
}

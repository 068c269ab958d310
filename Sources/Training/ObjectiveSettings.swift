/// Which objective a run has, and its constants.
public struct ObjectiveSettings: Sendable, Equatable {
  /// The objectives by the names of the command line.
  public enum Name: String, Sendable, CaseIterable {
    /// Imitation of the text.
    case sft
    /// Labels of single answers.
    case kto
    /// The same without the mean divergence as a baseline.
    case apoZero = "apo-zero"
    /// Pairs of answers.
    case dpo
    /// Rewards of the policy's own answers.
    case grpo
    /// Imitation of the text and of a larger model's distribution.
    case distill

    /// Learns from verdicts on answers.
    public var learnsPreferences: Bool { [.kto, .apoZero, .dpo].contains(self) }
  }

  /// The objective.
  public var name = Name.sft
  /// Strength of the pull to the base.
  public var beta = 0.1
  /// Share of imitation of the chosen answer in DPO.
  public var imitationWeight = 0.1
  /// Whether DPO compares answers by their mean token.
  public var normalizesLength = false
  /// Clip range of GRPO.
  public var clip = 0.2
  /// How GRPO draws answers.
  public var policy = PolicySource.Options()
  /// Whether a teacher writes the middles, instead of saying how probable each token is.
  public var teachesTexts = false
  /// What else decides what a run becomes, such as rewards by name and the teacher's hash.
  public var further = ""

  /// Imitation.
  public init() {}

  /// The objective over a set of preferences, or over sequences of another kind.
  public func objective(of set: PreferenceSet? = nil, longest: Int) -> any Objective {
    switch name {
    case .sft, .distill: ImitationObjective()
    case .kto, .apoZero:
      ProspectObjective(
        beta: beta, desirable: set?.desirable ?? 0, undesirable: set?.undesirable ?? 0,
        usesBaseline: name == .kto, longest: longest)
    case .dpo:
      DirectPreferenceObjective(
        beta: beta, imitationWeight: imitationWeight, normalizesLength: normalizesLength)
    case .grpo: GroupRelativeObjective(clip: clip, beta: beta)
    }
  }
}

import Carving
import Generation
import Numerics

/// Turns carved examples into weighted token sequences, in both prompt orders.
public struct ExampleEncoder: Sendable {
  /// The vocabulary and prompt layout.
  public let format: PromptFormat
  /// Loss weights, length limit, share of orders.
  public let recipe: TrainingRecipe

  /// Creates an encoder.
  public init(format: PromptFormat, recipe: TrainingRecipe) {
    self.format = format
    self.recipe = recipe
  }

  /// One example as a sequence; nil where it is longer than the recipe allows or carries no loss.
  ///
  /// In suffix-first order half of the examples encode prefix and middle as one text, as an editor shows them when the
  /// cursor stands on a token border, the other half separately, as when it does not.
  public func sequence(_ example: FIMExample, random: inout SeededRandom) -> TrainingSequence? {
    if example.kind == .plain { return document(example) }
    let order: PromptOrder = random.uniform() < recipe.suffixFirstShare ? .suffixFirst : .prefixFirst
    let jointly = random.uniform() < 0.5
    return sequence(example, order: order, jointly: jointly, contextWeight: recipe.contextWeight)
  }

  /// One example in a given order.
  public func sequence(
    _ example: FIMExample, order: PromptOrder, jointly: Bool, contextWeight: Float
  ) -> TrainingSequence? {
    let coded = format.sequence(
      path: example.path, prefix: Array(example.prefix.utf8), middle: Array(example.middle.utf8),
      suffix: Array(example.suffix.utf8), order: order, jointly: jointly)
    guard coded.tokens.count <= recipe.maximumLength else { return nil }
    let sentinels = format.sentinels
    var weights = coded.tokens.indices.map { index in
      index >= coded.middleStart ? 1 : sentinels.contains(coded.tokens[index]) ? 0 : contextWeight
    }
    weights[0] = 0
    weights[weights.count - 1] = recipe.endWeight
    return TrainingSequence(
      tokens: coded.tokens, weights: weights, middleBytes: example.middle.utf8.count)
  }

  private func document(_ example: FIMExample) -> TrainingSequence? {
    guard recipe.contextWeight > 0 else { return nil }
    let text = Array((example.prefix + example.middle + example.suffix).utf8)
    let tokens = format.document(path: example.path, text: text)
    guard tokens.count <= recipe.maximumLength else { return nil }
    var weights = [Float](repeating: recipe.contextWeight, count: tokens.count)
    weights[0] = 0
    return TrainingSequence(tokens: tokens, weights: weights)
  }
}

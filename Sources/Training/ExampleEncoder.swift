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
    if example.kind == .plain { return document(example, random: &random) }
    let order: PromptOrder = random.uniform() < recipe.suffixFirstShare ? .suffixFirst : .prefixFirst
    let jointly = random.uniform() < 0.5
    guard var coded = sequence(example, order: order, jointly: jointly) else { return nil }
    let sentinels = format.sentinels
    for index in 1..<coded.tokens.count
    where coded.weights[index] == 0 && !sentinels.contains(coded.tokens[index]) {
      coded.weights[index] = contextWeight(&random)
    }
    return coded
  }

  /// One example in a given order, with loss on the middle and the end token only.
  public func sequence(_ example: FIMExample, order: PromptOrder, jointly: Bool) -> TrainingSequence? {
    let coded = format.sequence(
      path: example.path, prefix: Array(example.prefix.utf8), middle: Array(example.middle.utf8),
      suffix: Array(example.suffix.utf8), order: order, jointly: jointly)
    guard coded.tokens.count <= recipe.maximumLength else { return nil }
    var weights = coded.tokens.indices.map { $0 >= coded.middleStart ? Float(1) : 0 }
    weights[weights.count - 1] = recipe.endWeight
    return TrainingSequence(
      tokens: coded.tokens, weights: weights, middleBytes: example.middle.utf8.count)
  }

  private func contextWeight(_ random: inout SeededRandom) -> Float {
    random.uniform() < recipe.contextShare ? recipe.contextWeight / Float(recipe.contextShare) : 0
  }

  private func document(_ example: FIMExample, random: inout SeededRandom) -> TrainingSequence? {
    guard recipe.contextWeight > 0 else { return nil }
    let text = Array((example.prefix + example.middle + example.suffix).utf8)
    let tokens = format.document(path: example.path, text: text)
    guard tokens.count <= recipe.maximumLength else { return nil }
    let weights = tokens.indices.map { $0 == 0 ? 0 : contextWeight(&random) }
    return TrainingSequence(tokens: tokens, weights: weights)
  }
}

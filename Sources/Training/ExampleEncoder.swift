import Carving
import Context
import Generation
import Numerics

/// Turns carved examples into weighted token sequences, in both prompt orders, with the snippets of other files that they carry.
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

  /// One example as a sequence, with order and seam drawn; nil where it is longer than the recipe allows or carries no loss.
  ///
  /// The text around the hole gets its loss weight; the snippets, which are carved where they stand, get none.
  public func sequence(_ example: FIMExample, random: inout SeededRandom) -> TrainingSequence? {
    if example.kind == .plain { return document(example, random: &random) }
    let (order, seam) = draw(example, random: &random)
    guard let (encoded, contextEnd) = encode(example, order: order, seam: seam) else { return nil }
    var coded = encoded
    let sentinels = format.sentinels
    for index in max(1, contextEnd)..<coded.tokens.count
    where coded.weights[index] == 0 && !sentinels.contains(coded.tokens[index]) {
      coded.weights[index] = contextWeight(&random)
    }
    return coded
  }

  /// One example in a given order and with a given seam, with loss on the middle and the end token only.
  public func sequence(_ example: FIMExample, order: PromptOrder, seam: Seam = .separate) -> TrainingSequence?
  {
    encode(example, order: order, seam: seam)?.sequence
  }

  /// Order and seam of an example; a given order is kept.
  func draw(
    _ example: FIMExample, order: PromptOrder? = nil, random: inout SeededRandom
  ) -> (order: PromptOrder, seam: Seam) {
    let drawn: PromptOrder = random.uniform() < recipe.suffixFirstShare ? .suffixFirst : .prefixFirst
    let order = order ?? drawn
    return (order, SeamShares.draw(for: example, order: order, random: &random))
  }

  private func encode(
    _ example: FIMExample, order: PromptOrder, seam: Seam
  ) -> (sequence: TrainingSequence, contextEnd: Int)? {
    let coded = format.sequence(
      path: example.path, context: example.promptContext, prefix: Array(example.prefix.utf8),
      middle: Array(example.middle.utf8), suffix: Array(example.suffix.utf8), order: order, seam: seam)
    guard coded.tokens.count <= recipe.maximumLength else { return nil }
    var weights = coded.tokens.indices.map { $0 >= coded.newStart ? Float(1) : 0 }
    weights[weights.count - 1] = recipe.endWeight
    let sequence = TrainingSequence(
      tokens: coded.tokens, weights: weights, middleStart: coded.newStart,
      middleBytes: example.middle.utf8.count, endToken: coded.tokens.last)
    return (sequence, coded.contextEnd)
  }

  private func contextWeight(_ random: inout SeededRandom) -> Float {
    random.uniform() < recipe.contextShare ? recipe.contextWeight / Float(recipe.contextShare) : 0
  }

  private func document(_ example: FIMExample, random: inout SeededRandom) -> TrainingSequence? {
    guard recipe.contextWeight > 0 else { return nil }
    let text = Array((example.prefix + example.middle + example.suffix).utf8)
    let coded = format.document(path: example.path, context: example.promptContext, text: text)
    guard coded.tokens.count <= recipe.maximumLength else { return nil }
    var weights = coded.tokens.indices.map { $0 < max(1, coded.contextEnd) ? 0 : contextWeight(&random) }
    // It ends where its window was cut, which teaches nothing.
    weights[weights.count - 1] = 0
    return TrainingSequence(tokens: coded.tokens, weights: weights, endToken: coded.tokens.last)
  }
}

/// How often a seam is drawn.
///
/// An editor asks with `healed` prompts. After an accepted suggestion the border lies between two tokens that were chosen apart;
/// engines that do not heal send what an editor shows, whatever the tokens. Prefix first, the middle never touches the prefix.
enum SeamShares {
  /// Share of `healed` among suffix-first examples whose middle begins inside a word.
  static let healedInsideWord = 0.8
  /// Share of `joint` among the other suffix-first examples, and among what is left of those; the rest is `separate`.
  static let joint = 0.5

  static func draw(for example: FIMExample, order: PromptOrder, random: inout SeededRandom) -> Seam {
    guard order == .suffixFirst else { return .separate }
    let isInsideWord =
      example.modifiers.contains(.midToken)
      || isWord(example.prefix.unicodeScalars.last) && isWord(example.middle.unicodeScalars.first)
    if isInsideWord, random.uniform() < healedInsideWord { return .healed }
    return random.uniform() < joint ? .joint : .separate
  }

  private static func isWord(_ scalar: Unicode.Scalar?) -> Bool {
    guard let scalar else { return false }
    return scalar.properties.isAlphabetic || scalar == "_" || ("0"..."9").contains(scalar)
  }
}

extension FIMExample {
  /// The snippets as a prompt shows them.
  public var promptContext: [PromptSnippet] {
    context.map { PromptSnippet(path: $0.path, text: Array($0.text.utf8)) }
  }
}

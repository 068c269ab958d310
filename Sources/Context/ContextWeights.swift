/// How the sources weigh against each other. Tuned by how many of the names that a later commit inserted, and that other
/// files define, stand in the snippets (two Python repositories, a window of 2.2 KB and its share for context).
struct ContextWeights: Sendable {
  /// Sources that are asked.
  var sources = Set(ContextSnippet.Source.allCases)
  /// A definition of a nearby name, per unit of the name's rarity. Above 4 it displaces chunks that help more.
  var definition: Float = 3
  /// The definition stands in a file that is not imported.
  var unlinkedDefinition: Float = 0.6
  /// The name stands behind a dot, and its file is not imported.
  var memberDefinition: Float = 0.6
  /// What is defined is no function and no type.
  var valueDefinition: Float = 0.6
  /// A chunk of the test of this file, or of what it tests.
  var test: Float = 1.05
  /// A chunk of an imported file.
  var imported: Float = 1.3
  /// A chunk of an importing file.
  var importing: Float = 1.3
  /// Any chunk.
  var similar: Float = 1
  /// Any chunk of another family of languages.
  var otherLanguage: Float = 0.4
  /// Share of what is left of the budget that a snippet may take while others may follow: one good piece is worth more
  /// than two halves.
  var firstShare: Float = 0.65
  /// How much of a line's worth goes to each of the two lines behind it: what follows the like of the prefix is what may
  /// belong into the hole.
  var following: Float = 0.6
  /// What the beginning of a chunk, which says what it is, counts more.
  var headBonus: Float = 1.3
  /// Lines before and behind the place whose words count; 20 together.
  var linesBefore = 14
  /// See `linesBefore`.
  var linesBehind = 6
  /// At this many lines from the place a word counts half.
  var halfLine: Float = 2

  /// What a word counts at so many lines from the place.
  func closeness(ofLine distance: Int) -> Float { halfLine / (halfLine + Float(distance)) }
}

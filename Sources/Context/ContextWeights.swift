/// How the sources weigh against each other.
struct ContextWeights: Sendable {
  /// Sources that are asked.
  var sources = Set(ContextSnippet.Source.allCases)
  /// A definition of a nearby name, per unit of the name's rarity.
  var definition: Float = 3
  /// The definition stands in a file that is not imported.
  var unlinkedDefinition: Float = 0.6
  /// The name stands behind a dot, and its file is not imported.
  var memberDefinition: Float = 0.6
  /// What is defined is no function and no type.
  var valueDefinition: Float = 0.6
  /// A chunk of the test of this file, or of what it tests.
  var test: Float = 1.2
  /// A chunk of an imported file.
  var imported: Float = 1.2
  /// A chunk of an importing file.
  var importing: Float = 1
  /// Any chunk.
  var similar: Float = 1
  /// Any chunk of another family of languages.
  var otherLanguage: Float = 0.4
  /// Share of the budget that the best snippet may take while others follow.
  var firstShare: Float = 0.65
  /// How much a line is worth for following one that fits.
  var following: Float = 0.6
  var linesBefore = 14
  var linesBehind = 6
  var halfLine: Float = 2
  var headBonus: Float = 1.3
}

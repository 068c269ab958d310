/// How examples are cut. The defaults follow what people insert, measured on the history of real repositories.
public struct CarveOptions: Sendable {
  /// Same seed, same examples.
  public var seed: UInt64
  /// At most this many examples; nil for as many as the files are worth.
  public var limit: Int?
  /// Largest total of prefix, middle and suffix, in bytes.
  public var windowBytes: Int
  /// Relative shares of the classes; need not sum to one.
  public var weights: [FIMExample.Kind: Double]
  /// How often a middle begins inside a word, as if a part of it were typed.
  public var midTokenShare: Double
  /// A file gives one example per so many bytes …
  public var bytesPerExample: Int
  /// … but not more than this.
  public var examplesPerFile: Int
  /// Threads; nil for all cores. The result does not depend on it.
  public var threads: Int?

  /// Share of fill-in-the-middle examples; the rest are plain documents.
  public static let middleShare = 0.85
  /// Shares of the fill-in-the-middle classes.
  public static let standardWeights: [FIMExample.Kind: Double] = {
    let classes: [FIMExample.Kind: Double] = [
      .node: 24, .siblingRun: 22, .lineTail: 26, .blockTail: 12, .characterSpan: 10,
    ]
    let sum = classes.values.reduce(0, +)
    return classes.mapValues { $0 / sum * middleShare }.merging(
      [.plain: 1 - middleShare], uniquingKeysWith: { $1 })
  }()

  /// Creates options.
  public init(
    seed: UInt64 = 1, limit: Int? = nil, windowBytes: Int = 2_400,
    weights: [FIMExample.Kind: Double] = CarveOptions.standardWeights, midTokenShare: Double = 0.25,
    bytesPerExample: Int = 600, examplesPerFile: Int = 24, threads: Int? = nil
  ) {
    self.seed = seed
    self.limit = limit
    self.windowBytes = max(200, windowBytes)
    self.weights = weights
    self.midTokenShare = midTokenShare
    self.bytesPerExample = max(1, bytesPerExample)
    self.examplesPerFile = max(1, examplesPerFile)
    self.threads = threads
  }
}

/// Settings, seed and limits of a carver that works in memory.
public struct CarveOptions: Sendable {
  /// How holes are cut.
  public var settings: CarvingSettings
  /// Same seed, same examples.
  public var seed: UInt64
  /// At most this many examples; nil for as many as the files are worth.
  public var limit: Int?
  /// Threads; nil for all cores. The result does not depend on it.
  public var threads: Int?

  /// Creates options.
  public init(
    settings: CarvingSettings = .measured, seed: UInt64 = 1, limit: Int? = nil, threads: Int? = nil
  ) {
    self.settings = settings
    self.seed = seed
    self.limit = limit
    self.threads = threads
  }
}

/// How much of a prompt is for other files, in training and in serving alike.
public struct ContextOptions: Codable, Sendable, Equatable {
  /// Share of the window's bytes that snippets may take.
  public var windowShare = 0.35
  /// Share of the examples without any snippet, so that a model also works where there are none.
  public var emptyShare = 0.4
  /// Most snippets.
  public var maximumSnippets = 3
  /// Most lines of one snippet.
  public var maximumLines = 24

  /// The defaults: shares and number from the field's practice (CodeGemma's packing, llama.cpp's `/infill`).
  public init() {}

  /// Bytes for snippets beside a window of `windowBytes`.
  public func budget(windowBytes: Int) -> Int { max(0, Int(Double(windowBytes) * windowShare)) }
}

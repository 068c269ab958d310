import Context

extension FIMExample: Codable {
  private enum Key: String, CodingKey {
    case path, language, kind, nodePath, windowStart, middleStart, middleEnd, unitStart, unitEnd, modifiers,
      context,
      difficulty, contentHash, prefix, middle, suffix
  }

  /// Reads an example. What earlier versions did not write may be missing.
  public init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: Key.self)
    let middleStart = try object.decode(Int.self, forKey: .middleStart)
    let middleEnd = try object.decode(Int.self, forKey: .middleEnd)
    let unitStart = try object.decodeIfPresent(Int.self, forKey: .unitStart) ?? middleStart
    let unitEnd = try object.decodeIfPresent(Int.self, forKey: .unitEnd) ?? middleEnd
    self.init(
      path: try object.decode(String.self, forKey: .path),
      language: try object.decode(String.self, forKey: .language),
      kind: try object.decode(Kind.self, forKey: .kind),
      nodePath: try object.decode(String.self, forKey: .nodePath),
      windowStart: try object.decode(Int.self, forKey: .windowStart), middleStart: middleStart,
      middleEnd: middleEnd, prefix: try object.decode(String.self, forKey: .prefix),
      middle: try object.decode(String.self, forKey: .middle),
      suffix: try object.decode(String.self, forKey: .suffix),
      unit: unitStart..<max(unitStart, unitEnd),
      modifiers: try object.decodeIfPresent([Modifier].self, forKey: .modifiers) ?? [],
      context: try object.decodeIfPresent([ContextSnippet].self, forKey: .context) ?? [],
      difficulty: try object.decodeIfPresent(Double.self, forKey: .difficulty),
      contentHash: try object.decodeIfPresent(String.self, forKey: .contentHash) ?? "")
  }

  /// Writes an example; members that say nothing are left out.
  public func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(path, forKey: .path)
    try object.encode(language, forKey: .language)
    try object.encode(kind, forKey: .kind)
    try object.encode(nodePath, forKey: .nodePath)
    try object.encode(windowStart, forKey: .windowStart)
    try object.encode(middleStart, forKey: .middleStart)
    try object.encode(middleEnd, forKey: .middleEnd)
    if unit != middleStart..<middleEnd {
      try object.encode(unit.lowerBound, forKey: .unitStart)
      try object.encode(unit.upperBound, forKey: .unitEnd)
    }
    if !modifiers.isEmpty { try object.encode(modifiers, forKey: .modifiers) }
    if !context.isEmpty { try object.encode(context, forKey: .context) }
    try object.encodeIfPresent(difficulty, forKey: .difficulty)
    if !contentHash.isEmpty { try object.encode(contentHash, forKey: .contentHash) }
    try object.encode(prefix, forKey: .prefix)
    try object.encode(middle, forKey: .middle)
    try object.encode(suffix, forKey: .suffix)
  }
}

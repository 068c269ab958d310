import Weights

extension Vocabulary {
  private static let keys = (
    model: "tokenizer.ggml.model", tokens: "tokenizer.ggml.tokens", scores: "tokenizer.ggml.scores",
    types: "tokenizer.ggml.token_type", begin: "tokenizer.ggml.bos_token_id",
    end: "tokenizer.ggml.eos_token_id",
    unknown: "tokenizer.ggml.unknown_token_id", pad: "tokenizer.ggml.padding_token_id",
    prefix: "tokenizer.ggml.fim_pre_token_id", suffix: "tokenizer.ggml.fim_suf_token_id",
    middle: "tokenizer.ggml.fim_mid_token_id", separator: "tokenizer.ggml.fim_sep_token_id",
    addsSpace: "tokenizer.ggml.add_space_prefix", merges: "tokenizer.ggml.merges"
  )

  /// Reads the vocabulary in the metadata of a GGUF file.
  public init(gguf file: GGUFFile) throws(TokenizerError) {
    let keys = Self.keys
    let model = file.metadata[keys.model]?.stringValue ?? "missing"
    guard model == "llama" || model == "gemma4" else {
      throw .unsupported(
        path: file.path, problem: "its kind is '\(model)'", remedy: "use the GGUF file of a Gemma model")
    }
    for key in ["tokenizer.ggml.remove_extra_whitespaces", "tokenizer.ggml.precompiled_charsmap"] {
      guard let value = file.metadata[key], value != .bool(false), value.arrayValue?.count != 0 else {
        continue
      }
      throw .unsupported(
        path: file.path, problem: "it changes text before encoding it (\(key))",
        remedy: "use the GGUF file of a Gemma model")
    }
    guard let pieces = file.metadata[keys.tokens]?.arrayValue else {
      throw .malformed(path: file.path, place: keys.tokens, problem: "missing or not a list of texts")
    }
    guard pieces.byteCount <= PieceText.limit else {
      throw .malformed(
        path: file.path, place: keys.tokens, problem: "more than \(PieceText.limit) bytes of text")
    }
    let scores = try Self.column(keys.scores, file, count: pieces.count) { $0.floats() }
    if let token = scores?.firstIndex(where: \.isNaN) {
      throw .malformed(path: file.path, place: "\(keys.scores)[\(token)]", problem: "not a number")
    }
    let numbers = try Self.column(keys.types, file, count: pieces.count) { $0.integers() }
    let types = numbers?.map { UInt8(exactly: $0).flatMap(PieceType.init) }
    if let token = types?.firstIndex(of: nil) {
      throw .malformed(path: file.path, place: "\(keys.types)[\(token)]", problem: "unknown type")
    }
    let areTexts = pieces.forEachText { piece in
      append(piece, score: scores?[count] ?? 0, type: types.flatMap { $0[count] } ?? .normal)
    }
    guard areTexts else {
      throw .malformed(path: file.path, place: keys.tokens, problem: "not a list of texts")
    }
    beginToken = try Self.token(keys.begin, file) ?? 2
    endToken = try Self.token(keys.end, file) ?? 1
    unknownToken = try Self.token(keys.unknown, file)
    padToken = try Self.token(keys.pad, file)
    fim.prefix = try Self.token(keys.prefix, file)
    fim.suffix = try Self.token(keys.suffix, file)
    fim.middle = try Self.token(keys.middle, file)
    fim.fileSeparator = try Self.token(keys.separator, file)
    addsSpaceBeforeText = file.metadata[keys.addsSpace]?.boolValue ?? (model == "llama")
    userDefinedAreSpecial = model == "gemma4" || normalScoresAreEqual
    findFIMTokens()
    try check(path: file.path)
    if model == "gemma4", file.metadata[keys.merges] != nil {
      convention = .transformers
      try readMerges(file)
    } else {
      ranksByIdentifier = normalScoresAreEqual
      cutsRuns = ranksByIdentifier || unscoredRunCount > 1
    }
  }

  /// Reads the list of merges: texts of two pieces with a space between them, which pieces do not hold.
  private mutating func readMerges(_ file: GGUFFile) throws(TokenizerError) {
    let key = Self.keys.merges
    guard let list = file.metadata[key]?.arrayValue else {
      throw .malformed(path: file.path, place: key, problem: "not a list of texts")
    }
    var reader = try MergeReader(self, capacity: list.count, path: file.path, place: key)
    var failure: TokenizerError?
    var index = 0
    let areTexts = list.forEachText { bytes in
      defer { index += 1 }
      guard failure == nil else { return }
      let text = bytes.bindMemory(to: UInt8.self)
      guard let space = text.dropFirst().firstIndex(of: 0x20), space + 1 < text.count else {
        failure = .malformed(
          path: file.path, place: "\(key)[\(index)]", problem: "not two pieces with a space between them")
        return
      }
      failure = reader.append(
        UnsafeBufferPointer(rebasing: text[..<space]), UnsafeBufferPointer(rebasing: text[(space + 1)...]))
    }
    if let failure { throw failure }
    guard areTexts else { throw .malformed(path: file.path, place: key, problem: "not a list of texts") }
    let table = try reader.finish()
    merges = table
    cutsRuns = mergesRunsGreedily(table.merges)
  }

  private var normalScoresAreEqual: Bool {
    guard let first = (0..<count).first(where: { types[$0] == .normal }) else { return false }
    return (0..<count).allSatisfy { types[$0] != .normal || scores[$0] == scores[first] }
  }

  private var unscoredRunCount: Int {
    (0..<count).count { types[$0] == .normal && scores[$0] == 0 && isRun($0) }
  }

  private static func column<Element>(
    _ key: String, _ file: GGUFFile, count: Int, _ read: (GGUFArray) -> [Element]?
  ) throws(TokenizerError) -> [Element]? {
    guard let value = file.metadata[key] else { return nil }
    guard let elements = value.arrayValue.flatMap(read), elements.count == count else {
      throw .malformed(path: file.path, place: key, problem: "not a list of \(count) numbers")
    }
    return elements
  }

  private static func token(_ key: String, _ file: GGUFFile) throws(TokenizerError) -> Int32? {
    guard let value = file.metadata[key] else { return nil }
    guard let token = value.intValue.flatMap(Int32.init(exactly:)) else {
      throw .malformed(path: file.path, place: key, problem: "not a token")
    }
    return token
  }

  /// Adds the vocabulary to the metadata of a GGUF file that is to be written.
  public func write(to file: inout GGUFWriter) {
    let keys = Self.keys
    file[keys.model] = .string(ranksByIdentifier || merges != nil ? "gemma4" : "llama")
    if let merges = merges?.merges {
      file[keys.merges] = .array(
        GGUFArray(texts: merges.map { Array(piece(Int($0.left))) + [0x20] + piece(Int($0.right)) }))
    }
    file[keys.tokens] = .array(GGUFArray(texts: (0..<count).map { Array(piece($0)) }))
    file[keys.scores] = .array(GGUFArray(scores))
    file[keys.types] = .array(GGUFArray(types.map { Int32($0.rawValue) }))
    let ids: [(String, Int32?)] = [
      (keys.begin, beginToken), (keys.end, endToken), (keys.unknown, unknownToken), (keys.pad, padToken),
      (keys.prefix, fim.prefix), (keys.suffix, fim.suffix), (keys.middle, fim.middle),
      (keys.separator, fim.fileSeparator),
    ]
    for (key, token) in ids { file[key] = token.map { .uint32(UInt32(bitPattern: $0)) } }
    file[keys.addsSpace] = .bool(addsSpaceBeforeText)
    file["tokenizer.ggml.add_bos_token"] = .bool(true)
    file["tokenizer.ggml.add_eos_token"] = .bool(false)
    file["tokenizer.ggml.pre"] = .string("default")
  }
}

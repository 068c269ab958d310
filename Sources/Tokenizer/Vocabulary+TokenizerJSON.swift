import Weights

extension Vocabulary {
  /// Reads a `tokenizer.json` of the transformers library in the form that Gemma's files have: byte-pair encoding with
  /// byte fallback, where the space is written as `▁` and text is otherwise left as it is.
  ///
  /// Lengths to which text would be cut or filled up (`truncation`, `padding`) are left to the caller, as transformers
  /// does, and so is the begin token that a `post_processor` adds.
  ///
  /// - Parameter configuration: The `tokenizer_config.json` beside it, which names the special tokens; without it they
  ///   are `<bos>`, `<eos>`, `<pad>` and `<unk>`.
  /// - Throws: `TokenizerError`, which names the key of anything else that the file asks for.
  public init(tokenizerJSON path: String, configuration: JSONValue? = nil) throws(TokenizerError) {
    var reader = TokenizerJSONReader(path: path)
    self = try reader.read(configuration)
  }
}

/// Reads one `tokenizer.json`.
private struct TokenizerJSONReader {
  let path: String
  private var pieces = JSONPieces()
  private var settings: [String: JSONValue] = [:]
  private var merges: Range<Int>?

  init(path: String) {
    self.path = path
  }

  mutating func read(_ configuration: JSONValue?) throws(TokenizerError) -> Vocabulary {
    let file: MappedFile
    do throws(WeightsError) { file = try MappedFile(path: path) } catch {
      throw .unreadable(error.description)
    }
    guard file.byteCount <= PieceText.limit else {
      throw .malformed(path: path, place: "its end", problem: "more than \(PieceText.limit) bytes")
    }
    return try file.withBytes { (bytes) throws(TokenizerError) in
      let text = bytes.bindMemory(to: UInt8.self)
      try readDocument(text)
      try checkSettings()
      var vocabulary = try pieces.vocabulary(path: path)
      try addTokens(to: &vocabulary)
      try findSpecialTokens(&vocabulary, configuration)
      try vocabulary.check(path: path)
      try readMerges(text, &vocabulary)
      return vocabulary
    }
  }
}

// MARK: - Reading

extension TokenizerJSONReader {
  private func malformed(_ error: JSONError) -> TokenizerError {
    .malformed(path: path, place: "byte \(error.byteOffset)", problem: error.problem)
  }

  /// Reads the pieces and all that is small; remembers where the merges lie.
  private mutating func readDocument(_ text: UnsafeBufferPointer<UInt8>) throws(TokenizerError) {
    var scanner = JSONScanner(text)
    do throws(JSONError) {
      try scanner.forEachMember { (scanner, key) throws(JSONError) in
        let key = self.name(key, scanner)
        if key == "model" {
          try self.readModel(&scanner)
        } else {
          try self.set(key, &scanner)
        }
      }
      try scanner.expectEnd()
    } catch { throw malformed(error) }
  }

  private mutating func readModel(_ scanner: inout JSONScanner) throws(JSONError) {
    try scanner.forEachMember { (scanner, key) throws(JSONError) in
      let key = self.name(key, scanner)
      switch key {
      case "vocab":
        guard self.pieces.isEmpty else { throw scanner.problem("a second 'vocab'") }
        // A list would be the vocabulary of another kind of model, which its type is going to tell.
        if scanner.comes(UInt8(ascii: "[")) {
          _ = try scanner.skipValue()
        } else {
          try self.pieces.read(&scanner)
        }
      case "merges":
        guard self.merges == nil else { throw scanner.problem("a second 'merges'") }
        self.merges = try scanner.skipValue()
      default: try self.set("model." + key, &scanner)
      }
    }
  }

  private mutating func set(_ key: String, _ scanner: inout JSONScanner) throws(JSONError) {
    guard settings[key] == nil else { throw scanner.problem("a second '\(key)'") }
    settings[key] = try scanner.value()
  }

  private func name(_ key: JSONScanner.Text, _ scanner: JSONScanner) -> String {
    scanner.withBytes(key) { String(decoding: $0, as: UTF8.self) }
  }

  private func readMerges(
    _ text: UnsafeBufferPointer<UInt8>, _ vocabulary: inout Vocabulary
  ) throws(TokenizerError) {
    guard let range = merges else {
      throw .malformed(path: path, place: "model.merges", problem: "missing")
    }
    var reader = try MergeReader(
      vocabulary, capacity: range.count / 16, path: path, place: "model.merges")
    var scanner = JSONScanner(text, from: range.lowerBound)
    var failure: TokenizerError?
    do throws(JSONError) {
      try scanner.forEachElement { (scanner) throws(JSONError) in
        let problem =
          scanner.comes(UInt8(ascii: "["))
          ? try self.readPair(&scanner, &reader) : try self.readJoined(&scanner, &reader)
        failure = failure ?? problem
        if failure != nil { throw scanner.problem("") }
      }
    } catch { throw failure ?? malformed(error) }
    let table = try reader.finish()
    vocabulary.merges = table
    vocabulary.cutsRuns = !vocabulary.wholesMatchRawText && vocabulary.mergesRunsGreedily(table.merges)
  }

  /// Reads a merge written as `["a", "b"]`.
  private func readPair(
    _ scanner: inout JSONScanner, _ reader: inout MergeReader
  ) throws(JSONError) -> TokenizerError? {
    var parts: (JSONScanner.Text, JSONScanner.Text) = (.plain(0..<0), .plain(0..<0))
    var count = 0
    try scanner.forEachElement { (scanner) throws(JSONError) in
      parts = (parts.1, try scanner.text())
      count += 1
    }
    guard count == 2 else { throw scanner.problem("a merge that does not name two pieces") }
    return scanner.withBytes(parts.0) { left in
      scanner.withBytes(parts.1) { right in reader.append(left, right) }
    }
  }

  /// Reads a merge written as `"a b"`.
  private func readJoined(
    _ scanner: inout JSONScanner, _ reader: inout MergeReader
  ) throws(JSONError) -> TokenizerError? {
    let text = try scanner.text()
    let result: TokenizerError?? = scanner.withBytes(text) { bytes in
      guard let space = bytes.firstIndex(of: 0x20), space > 0, space + 1 < bytes.count,
        !bytes[(space + 1)...].contains(0x20)
      else { return nil }
      return .some(
        reader.append(
          UnsafeBufferPointer(rebasing: bytes[..<space]), UnsafeBufferPointer(rebasing: bytes[(space + 1)...])
        ))
    }
    guard let result else { throw scanner.problem("a merge that does not name two pieces") }
    return result
  }
}

// MARK: - Added and special tokens

extension TokenizerJSONReader {
  /// Marks added tokens, and appends those that the model lacks.
  private func addTokens(to vocabulary: inout Vocabulary) throws(TokenizerError) {
    guard let list = settings["added_tokens"], !list.isNull else { return }
    guard let tokens = list.arrayValue else {
      throw .malformed(path: path, place: "added_tokens", problem: "not a list")
    }
    let added = try tokens.enumerated().map { (index, token) throws(TokenizerError) in
      try AddedToken(token, place: "added_tokens[\(index)]", path: path)
    }
    for token in added.sorted(by: { $0.id < $1.id }) {
      let type = token.isSpecial ? Vocabulary.PieceType.control : .userDefined
      if token.id == vocabulary.count {
        vocabulary.append(token.content, score: 0, type: type)
      } else {
        guard token.id < vocabulary.count, vocabulary.piece(token.id).elementsEqual(token.content) else {
          throw .malformed(
            path: path, place: token.place,
            problem: "its id \(token.id) is not that of its text in model.vocab")
        }
        vocabulary.setType(token.id, type)
      }
      if token.content.contains(0x20) || token.content.containsMark { vocabulary.wholesMatchRawText = true }
    }
  }

  private func findSpecialTokens(
    _ vocabulary: inout Vocabulary, _ configuration: JSONValue?
  ) throws(TokenizerError) {
    func token(_ key: String, _ standard: String) -> Int32? {
      let entry = configuration?[key]
      let name = entry?.stringValue ?? entry?["content"]?.stringValue ?? standard
      return vocabulary.token(named: name)
    }
    func require(_ key: String, _ standard: String) throws(TokenizerError) -> Int32 {
      guard let token = token(key, standard) else {
        throw .unsupported(
          path: path, problem: "it has no '\(standard)' and nothing names another \(key)",
          remedy: "put the tokenizer_config.json of the model beside it, which names it")
      }
      return token
    }
    let (begin, end) = (try require("bos_token", "<bos>"), try require("eos_token", "<eos>"))
    let (pad, unknown) = (token("pad_token", "<pad>"), settings["model.unk_token"]?.stringValue)
    vocabulary.beginToken = begin
    vocabulary.endToken = end
    vocabulary.padToken = pad
    vocabulary.unknownToken = unknown.flatMap { vocabulary.token(named: $0) }
    for special in [begin, end, pad].compactMap(\.self) { vocabulary.setType(Int(special), .control) }
    if let unknown = vocabulary.unknownToken { vocabulary.setType(Int(unknown), .unknown) }
    vocabulary.convention = .transformers
    vocabulary.findFIMTokens()
  }
}

/// A token that is looked for in the text before anything else.
private struct AddedToken {
  let id: Int
  let content: [UInt8]
  let isSpecial: Bool
  let place: String

  init(_ value: JSONValue, place: String, path: String) throws(TokenizerError) {
    guard let id = value["id"]?.intValue, id >= 0, let content = value["content"]?.stringValue,
      !content.isEmpty
    else {
      throw .malformed(path: path, place: place, problem: "without 'id' or 'content'")
    }
    for key in ["single_word", "lstrip", "rstrip", "normalized"] where value[key]?.boolValue == true {
      throw .unsupported(
        path: path, problem: "\(place).\(key) is true",
        remedy: "use the tokenizer of a Gemma model as published")
    }
    self.id = id
    self.content = Array(content.utf8)
    self.place = place
    isSpecial = value["special"]?.boolValue ?? false
  }
}

// MARK: - What the file asks for

extension TokenizerJSONReader {
  /// Refuses whatever would change text or cut it otherwise than is done here.
  private func checkSettings() throws(TokenizerError) {
    for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
      guard let problem = Self.problem(key, value) else { continue }
      throw .unsupported(
        path: path, problem: "\(key) \(problem)",
        remedy: "use the tokenizer of a Gemma model, or its tokenizer.model")
    }
    for key in ["normalizer", "model.byte_fallback"] where settings[key] == nil {
      throw .unsupported(
        path: path, problem: "\(key) is missing", remedy: "use the tokenizer of a Gemma model")
    }
  }

  private static let spaceToMark: JSONValue = [
    "type": "Replace", "pattern": ["String": " "], "content": "▁",
  ]
  private static let markToSpace: JSONValue = [
    "type": "Replace", "pattern": ["String": "▁"], "content": " ",
  ]
  /// Gemma's decoder, and what each of its steps is.
  private static let decoder: JSONValue = [
    "type": "Sequence", "decoders": [markToSpace, ["type": "ByteFallback"], ["type": "Fuse"]],
  ]

  /// What is wrong with a setting; `nil` if it is as in Gemma's files.
  private static func problem(_ key: String, _ value: JSONValue) -> String? {
    let isNothing = value.isNull || value == "" || value == false
    switch key {
    case "version", "truncation", "padding", "added_tokens", "model.unk_token", "model.fuse_unk": return nil
    case "model.type": return value == "BPE" ? nil : "is not BPE"
    case "model.byte_fallback":
      return value == true ? nil : "is not true: text without a piece would be lost"
    case "model.dropout":
      return isNothing || value == 0 || value == 0.0 ? nil : "makes encoding a matter of chance"
    case "model.continuing_subword_prefix", "model.end_of_word_suffix", "model.ignore_merges":
      return isNothing ? nil : "is set"
    case "normalizer":
      return value == spaceToMark || value == ["type": "Sequence", "normalizers": [spaceToMark]]
        ? nil : "is not the replacement of spaces by '▁'"
    case "pre_tokenizer": return isNothing || splitsNothing(value) ? nil : "cuts the text"
    case "post_processor":
      return isNothing || value["type"] == "TemplateProcessing" ? nil : "is not a TemplateProcessing"
    case "decoder": return isNothing || value == decoder ? nil : "is not that of Gemma"
    default: return "is not known here"
    }
  }

  /// Whether a pre-tokenizer cuts at spaces only, of which the normalizer leaves none.
  private static func splitsNothing(_ value: JSONValue) -> Bool {
    value["type"] == "Split" && value["pattern"] == ["String": " "] && value["invert"] != true
  }
}

extension Array where Element == UInt8 {
  /// Whether `▁` is in it.
  fileprivate var containsMark: Bool {
    indices.contains { self[$0...].starts(with: Vocabulary.spaceMark) }
  }
}

import Weights

extension Vocabulary {
  /// The bytes of a `tokenizer.json` that the transformers library reads; `nil` for a vocabulary without a list of
  /// merges, whose file is `sentencePieceModel()`.
  ///
  /// The tokens are the same there and here, with one exception: user-defined pieces that are recognised on request only
  /// become special tokens, which is what they are in Gemma's own files.
  public func tokenizerJSON() -> [UInt8]? {
    guard let merges = merges?.merges else { return nil }
    let names = (0..<count).map { String(decoding: piece($0), as: UTF8.self) }
    let pairs: [JSONValue] = merges.map { [.string(names[Int($0.left)]), .string(names[Int($0.right)])] }
    let unknown = unknownToken.map { JSONValue.string(names[Int($0)]) } ?? .null
    let document: JSONValue = [
      "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": .array(addedTokens(names)),
      "normalizer": ["type": "Replace", "pattern": ["String": " "], "content": "▁"], "pre_tokenizer": .null,
      "post_processor": Self.postProcessor(begin: names[Int(beginToken)], beginToken),
      "decoder": [
        "type": "Sequence",
        "decoders": [
          ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "ByteFallback"],
          ["type": "Fuse"],
        ],
      ],
      "model": [
        "type": "BPE", "dropout": .null, "unk_token": unknown, "continuing_subword_prefix": .null,
        "end_of_word_suffix": .null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
        "vocab": .object(JSONObject(names.enumerated().map { ($1, .int($0)) })), "merges": .array(pairs),
      ],
    ]
    return document.serialized()
  }

  private func addedTokens(_ names: [String]) -> [JSONValue] {
    (0..<count).compactMap { token in
      let isSpecial: Bool
      switch types[token] {
      case .control, .unknown: isSpecial = true
      case .userDefined: isSpecial = userDefinedAreSpecial
      case .normal, .unused, .byte: return nil
      }
      return [
        "id": .int(token), "content": .string(names[token]), "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": .bool(isSpecial),
      ]
    }
  }

  /// Puts the begin token before every text, and before the second of two.
  private static func postProcessor(begin: String, _ token: Int32) -> JSONValue {
    func special(_ type: Int) -> JSONValue {
      ["SpecialToken": ["id": .string(begin), "type_id": .int(type)]]
    }
    func sequence(_ name: String, _ type: Int) -> JSONValue {
      ["Sequence": ["id": .string(name), "type_id": .int(type)]]
    }
    let entry: JSONValue = ["id": .string(begin), "ids": [.int(Int(token))], "tokens": [.string(begin)]]
    return [
      "type": "TemplateProcessing", "single": [special(0), sequence("A", 0)],
      "pair": [special(0), sequence("A", 0), special(1), sequence("B", 1)],
      "special_tokens": .object(JSONObject([(begin, entry)])),
    ]
  }
}

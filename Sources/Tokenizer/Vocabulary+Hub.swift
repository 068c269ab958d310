import Weights

extension Vocabulary {
  /// Adds pieces that text never contains, up to `count`: models often have more embeddings than pieces.
  public mutating func pad(to count: Int) {
    while self.count < count { append("[PAD\(self.count)]".utf8, score: -1000, type: .unused) }
  }

  /// The `tokenizer_config.json` that goes with `sentencePieceModel()` in a transformers folder.
  public func hubConfiguration() -> JSONValue {
    func name(_ token: Int32?) -> JSONValue {
      token.map { .string(String(decoding: piece(Int($0)), as: UTF8.self)) } ?? .null
    }
    return [
      "tokenizer_class": "GemmaTokenizer", "add_bos_token": true, "add_eos_token": false,
      "bos_token": name(beginToken), "eos_token": name(endToken), "pad_token": name(padToken),
      "unk_token": name(unknownToken), "clean_up_tokenization_spaces": false,
      "additional_special_tokens": .array(fim.all.map { name($0) }),
    ]
  }
}

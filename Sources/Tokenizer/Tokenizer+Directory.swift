import Weights

extension Vocabulary {
  /// Reads the vocabulary of a model directory: its `tokenizer.model`, or else its `tokenizer.json`.
  ///
  /// - Throws: `TokenizerError`; `unreadable` if it has neither.
  public init(directory path: String) throws(TokenizerError) {
    switch Self.file(in: path) {
    case .sentencePiece(let file): try self.init(sentencePieceModel: file)
    case .transformers(let file):
      let configurationPath = path + "/tokenizer_config.json"
      var configuration: JSONValue?
      if MappedFile.exists(configurationPath) {
        do throws(WeightsError) { configuration = try JSONValue(file: configurationPath) } catch {
          throw .unreadable(error.description)
        }
      }
      try self.init(tokenizerJSON: file, configuration: configuration)
    case nil:
      throw .unreadable(
        "\(path) has neither tokenizer.model nor tokenizer.json; fetch one of them with the model")
    }
  }

  /// Whether a model directory has a vocabulary.
  public static func exists(inDirectory path: String) -> Bool { file(in: path) != nil }

  private enum File {
    case sentencePiece(String)
    case transformers(String)
  }

  private static func file(in directory: String) -> File? {
    let model = directory + "/tokenizer.model"
    if MappedFile.exists(model) { return .sentencePiece(model) }
    let json = directory + "/tokenizer.json"
    return MappedFile.exists(json) ? .transformers(json) : nil
  }
}

extension Tokenizer {
  /// The tokenizer of a model directory: from its `tokenizer.model`, or else from its `tokenizer.json`.
  ///
  /// - Throws: `TokenizerError`; `unreadable` if it has neither.
  public convenience init(directory path: String) throws(TokenizerError) {
    self.init(try Vocabulary(directory: path))
  }

  /// A tokenizer from a `tokenizer.json` file, see `Vocabulary.init(tokenizerJSON:configuration:)`.
  public convenience init(
    tokenizerJSON path: String, configuration: JSONValue? = nil
  ) throws(TokenizerError) {
    self.init(try Vocabulary(tokenizerJSON: path, configuration: configuration))
  }
}

import Weights

// The messages of sentencepiece_model.proto, as far as they matter here.
//
//     ModelProto      1 pieces (SentencePiece), 2 trainer_spec, 3 normalizer_spec
//     SentencePiece   1 piece, 2 score, 3 type
//     TrainerSpec     3 model_type (2 = BPE), 4 vocab_size, 24 treat_whitespace_as_suffix, 35 byte_fallback,
//                     40 … 43 ids of unknown, begin, end, pad; 45 … 48 their pieces
//     NormalizerSpec  1 name, 2 precompiled_charsmap, 3 add_dummy_prefix, 4 remove_extra_whitespaces,
//                     5 escape_whitespaces

extension Vocabulary {
  /// Reads a `tokenizer.model` of SentencePiece: byte-pair encoding with byte fallback and no normalisation.
  public init(sentencePieceModel path: String) throws(TokenizerError) {
    let bytes: [UInt8]
    do {
      let file = try MappedFile(path: path)
      guard file.byteCount <= PieceText.limit else {
        throw TokenizerError.malformed(
          path: path, place: "its end", problem: "more than \(PieceText.limit) bytes")
      }
      bytes = file.withBytes { [UInt8]($0) }
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw .unreadable("\(error)")
    }
    do {
      try self.init(modelMessage: bytes[...], path: path)
    } catch let damage as ProtocolBufferReader.Damage {
      throw .malformed(path: path, place: "byte \(damage.byteOffset)", problem: damage.problem)
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw .unreadable("\(path): \(error)")
    }
    findFIMTokens()
    try check(path: path)
  }

  private init(modelMessage: ArraySlice<UInt8>, path: String) throws {
    var trainer = TrainerSpecification()
    var normalizer = NormalizerSpecification()
    var reader = ProtocolBufferReader(modelMessage)
    while let (number, value) = try reader.next() {
      guard case .bytes(let message) = value else { continue }
      switch number {
      case 1: try appendPiece(message, path: path)
      case 2: try trainer.read(message)
      case 3: try normalizer.read(message)
      default: break
      }
    }
    try trainer.check(path: path)
    try normalizer.check(path: path)
    addsSpaceBeforeText = normalizer.addsDummyPrefix
    (beginToken, endToken) = (Int32(clamping: trainer.beginToken), Int32(clamping: trainer.endToken))
    padToken = trainer.padToken < 0 ? nil : Int32(clamping: trainer.padToken)
    unknownToken = trainer.unknownToken < 0 ? nil : Int32(clamping: trainer.unknownToken)
  }

  private mutating func appendPiece(_ message: ArraySlice<UInt8>, path: String) throws {
    var piece: ArraySlice<UInt8> = []
    var score: Float = 0
    var type = PieceType.normal
    var reader = ProtocolBufferReader(message)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (1, .bytes(let bytes)): piece = bytes
      case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
      case (3, .integer(let rawValue)):
        guard let known = UInt8(exactly: rawValue).flatMap(PieceType.init) else {
          throw TokenizerError.malformed(path: path, place: "piece \(count)", problem: "type \(rawValue)")
        }
        type = known
      default: break
      }
    }
    guard !piece.isEmpty, !score.isNaN else {
      throw TokenizerError.malformed(path: path, place: "piece \(count)", problem: "no text or no score")
    }
    append(piece, score: score, type: type)
  }

  /// The bytes of a `tokenizer.model` that SentencePiece and transformers read.
  ///
  /// Where merging follows ids or a list, scores are written that put the pieces in the same order.
  public func sentencePieceModel() -> [UInt8] {
    var model = ProtocolBufferWriter()
    let exported = exportedScores()
    let isOrdered = ranksByIdentifier || merges != nil
    for token in 0..<count {
      let isRun = cutsRuns && types[token] == .normal && isRun(token)
      let isScored = types[token] == .normal && !isRun
      var message = ProtocolBufferWriter()
      message.append(1, bytes: piece(token))
      message.append(2, float: isOrdered && !isScored ? 0 : exported[token])
      let type = isRun ? PieceType.userDefined : types[token]
      if type != .normal { message.append(3, integer: Int(type.rawValue)) }
      model.append(1, bytes: message.bytes)
    }
    var trainer = ProtocolBufferWriter()
    trainer.append(3, integer: 2)
    trainer.append(4, integer: count)
    trainer.append(35, integer: 1)
    let ids: [(id: UInt64, text: UInt64, token: Int32?)] = [
      (40, 45, unknownToken), (41, 46, beginToken), (42, 47, endToken), (43, 48, padToken),
    ]
    for (id, _, token) in ids { trainer.append(id, integer: Int(token ?? -1)) }
    for (_, text, token) in ids { if let token { trainer.append(text, bytes: piece(Int(token))) } }
    model.append(2, bytes: trainer.bytes)
    var normalizer = ProtocolBufferWriter()
    normalizer.append(1, bytes: Array("identity".utf8))
    normalizer.append(3, integer: addsSpaceBeforeText ? 1 : 0)
    normalizer.append(4, integer: 0)
    model.append(3, bytes: normalizer.bytes)
    return model.bytes
  }
}

extension Vocabulary {
  /// Scores that rank pieces as the vocabulary does.
  private func exportedScores() -> [Float] {
    guard let merges = merges?.merges else {
      return ranksByIdentifier ? (0..<count).map { -Float($0) } : scores
    }
    var scores = [Float](repeating: -Float(merges.count), count: count)
    for (rank, merge) in merges.enumerated().reversed() { scores[Int(merge.token)] = -Float(rank) }
    return scores
  }
}

/// What was asked for when the model was trained; the defaults are those of the format.
private struct TrainerSpecification {
  var unknownToken = 0
  var beginToken = 1
  var endToken = 2
  var padToken = -1
  private var modelType: UInt64 = 1
  private var hasSpaceAsSuffix = false

  mutating func read(_ message: ArraySlice<UInt8>) throws {
    var reader = ProtocolBufferReader(message)
    while let (number, value) = try reader.next() {
      guard case .integer(let integer) = value else { continue }
      let signed = Int(Int64(bitPattern: integer))
      switch number {
      case 3: modelType = integer
      case 24: hasSpaceAsSuffix = integer != 0
      case 40: unknownToken = signed
      case 41: beginToken = signed
      case 42: endToken = signed
      case 43: padToken = signed
      default: break
      }
    }
  }

  func check(path: String) throws(TokenizerError) {
    guard modelType == 2 else {
      throw .unsupported(
        path: path, problem: "it is not of the kind BPE", remedy: "use the tokenizer of a Gemma model")
    }
    guard !hasSpaceAsSuffix else {
      throw .unsupported(
        path: path, problem: "it puts spaces at the end of words",
        remedy: "use the tokenizer of a Gemma model")
    }
  }
}

/// What is done to the text before it is cut; the defaults are those of the format.
private struct NormalizerSpecification {
  var addsDummyPrefix = true
  private var removesExtraSpace = true
  private var escapesSpace = true
  private var hasCharacterMap = false

  mutating func read(_ message: ArraySlice<UInt8>) throws {
    var reader = ProtocolBufferReader(message)
    while let (number, value) = try reader.next() {
      switch (number, value) {
      case (2, .bytes(let bytes)): hasCharacterMap = !bytes.isEmpty
      case (3, .integer(let integer)): addsDummyPrefix = integer != 0
      case (4, .integer(let integer)): removesExtraSpace = integer != 0
      case (5, .integer(let integer)): escapesSpace = integer != 0
      default: break
      }
    }
  }

  func check(path: String) throws(TokenizerError) {
    guard !removesExtraSpace, escapesSpace, !hasCharacterMap else {
      throw .unsupported(
        path: path, problem: "it changes text before encoding it (spaces or characters), which spoils code",
        remedy: "use the tokenizer of a Gemma model, which keeps text as it is")
    }
  }
}

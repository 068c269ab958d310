import Gemma

/// What one generation is to do.
struct DecodingJob {
  let options: DecodingOptions
  var mixing: Mixing? = nil
  let maxTokens: Int
  let contextLength: Int
  let deadline: ContinuousClock.Instant
  let shouldStop: @Sendable ([UInt8]) -> Bool

  /// Why generation has to end now, whatever it has reached.
  var interruption: InfillResult.End? {
    if Task.isCancelled { return .cancelled }
    return ContinuousClock.now > deadline ? .timeLimit : nil
  }
}

/// Generates one text behind the session's sequence, token by token or, where a draft looks right, several per pass.
///
/// Every token is chosen from the logits that the model gives behind the tokens before it; a draft only decides which of
/// these logits are computed in the same pass. So drafts change the cost and nothing else.
final class TextDecoder {
  /// Tokens of the prompt between two looks at cancellation and the time budget.
  static let promptPiece = 128

  private let session: InferenceSession
  private let job: DecodingJob
  private let speculator: Speculator?
  private let heads: LogitHeads
  private var chooser: TokenChooser
  /// Tokens whose keys and values the session's sequence holds, but for drafted ones behind them.
  private(set) var sequence: [Int32]
  /// What has been generated.
  private(set) var run: TextRun
  /// What drafting has come to.
  private(set) var speculation = SpeculationStatistics()

  /// Tokens that the shortlist could not decide.
  var fullHeadTokens: Int { heads.fullHeadTokens }

  private var row = 0  // of the last pass: logits behind the last token of `sequence`
  private var draft: Draft?
  private var right = 0  // tokens of `draft` that were chosen

  /// - Parameter sequence: the tokens that the session's cache holds.
  init(
    _ session: InferenceSession, sequence: [Int32], run: TextRun, job: DecodingJob,
    speculator: Speculator?, shortlist: VocabularyShortlist? = nil
  ) {
    self.session = session
    self.sequence = sequence
    self.run = run
    self.job = job
    chooser = TokenChooser(job.options)
    self.speculator = job.options.speculates && job.options.sampling.isGreedy ? speculator : nil
    // Counting may make any token probable, so that the whole vocabulary is needed then.
    let isShort = chooser.isPlain && job.options.usesShortlist && job.mixing == nil
    heads = LogitHeads(session, shortlist: isShort ? shortlist : nil, mixing: job.mixing)
  }

  /// Evaluates what the sequence lacks of `prompt` in pieces. What interrupted it, nil where it is done; the pieces done
  /// stay in the sequence.
  func evaluate(prompt: [Int32]) throws -> InfillResult.End? {
    while true {
      let end = min(prompt.count, sequence.count + Self.promptPiece)
      let piece = Array(prompt[sequence.count..<end])
      try pass(piece, mayDraft: end == prompt.count, isTimed: false)
      if end == prompt.count { return nil }
      if let interruption = job.interruption { return interruption }
    }
  }

  /// Generates until something ends it. The session's sequence holds the tokens of `sequence` afterwards.
  func decode() throws -> InfillResult.End {
    defer {
      settle(isOver: true)
      session.cache.truncate(to: sequence.count)
    }
    while run.tokens.count < job.maxTokens {
      if let interruption = job.interruption { return interruption }
      let choice = heads.choose(row: row, behind: sequence, allowed: run.allowed(), &chooser)
      guard run.take(choice) else { return .endToken }
      if !run.isBound, job.shouldStop(run.bytes) { return .stopRule }
      guard run.tokens.count < job.maxTokens, sequence.count < job.contextLength else { return .tokenLimit }
      if !follow(choice.token) { try pass([choice.token], mayDraft: true, isTimed: true) }
    }
    return .tokenLimit
  }

  /// Logits behind the last token of `sequence`, as the model gives them.
  func lastLogits() -> UnsafePointer<Float> { heads.all(row: row) }

  /// Steps to the next drafted token where it is the one that was chosen.
  private func follow(_ token: Int32) -> Bool {
    guard let draft, right < draft.tokens.count,
      draft.tokens[draft.tokens.startIndex + right] == token
    else {
      settle(isOver: false)
      return false
    }
    right += 1
    row += 1
    sequence.append(token)
    speculation.accepted += 1
    return true
  }

  /// Closes the books on the present draft.
  private func settle(isOver: Bool) {
    guard let draft else { return }
    speculator?.learn(draft, right: right, isOver: isOver)
    self.draft = nil
  }

  /// One pass over `tokens`, which belong to the sequence, and a draft of what may follow.
  private func pass(_ tokens: [Int32], mayDraft: Bool, isTimed: Bool) throws {
    session.cache.truncate(to: sequence.count)
    sequence += tokens
    let room = min(job.maxTokens - run.tokens.count - 1, job.contextLength - sequence.count)
    draft = mayDraft ? speculator?.draft(after: sequence, limit: room, corpus: job.mixing?.repository) : nil
    right = 0
    let drafted = draft?.tokens ?? []
    let started = ContinuousClock.now
    do {
      try heads.append(tokens + drafted, rows: 1 + drafted.count)
    } catch {
      sequence.removeLast(tokens.count)
      draft = nil
      throw error
    }
    row = tokens.count - 1
    if isTimed {
      speculation.passes += 1
      speculation.drafted += drafted.count
      speculator?.learn(
        seconds: (ContinuousClock.now - started) / .seconds(1), tokens: tokens.count + drafted.count)
    } else if !drafted.isEmpty {
      speculation.drafted += drafted.count
    }
  }
}

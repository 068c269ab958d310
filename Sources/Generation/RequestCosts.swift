/// What a request has cost so far.
struct RequestCosts {
  let queue: Duration
  var prefill = Duration.zero
  var decode = Duration.zero
  var evaluated = 0
  var reused = 0

  init(queue: Duration) {
    self.queue = queue
  }

  func result(_ run: TextRun, end: InfillResult.End) -> InfillResult {
    var result = InfillResult(
      bytes: TextRun.wholeCharacters(run.bytes), tokenCount: run.tokens.count, end: end,
      meanLogProbability: run.meanLogProbability, minLogProbability: run.smallest,
      evaluatedPromptTokens: evaluated, reusedPromptTokens: reused, queueMs: queue / .milliseconds(1),
      prefillMs: prefill / .milliseconds(1), decodeMs: decode / .milliseconds(1))
    result.tokens = run.tokens
    return result
  }
}

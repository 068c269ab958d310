import Gemma

/// Generates several texts behind one prompt in one pass per token.
final class BranchDecoder {
  private struct Branch {
    var sequence: KVSequence
    var tokens: [Int32]  // whose keys and values `sequence` holds
    var run: TextRun
    var chooser: TokenChooser
    var end: InfillResult.End?
  }

  private let session: InferenceSession
  private let job: DecodingJob
  private let prompt: [Int32]
  private let size: Int
  private var branches: [Branch] = []

  /// - Parameter prompt: the tokens that the session's cache holds.
  init(_ session: InferenceSession, prompt: [Int32], job: DecodingJob) {
    self.session = session
    self.prompt = prompt
    self.job = job
    size = session.model.configuration.vocabularySize
  }

  /// The first branch's tokens in the cache and their sequence, to be remembered.
  var main: (tokens: [Int32], sequence: KVSequence)? {
    branches.first.map { ($0.tokens, $0.sequence) }
  }

  /// The first branch's text.
  var mainRun: TextRun? { branches.first?.run }

  /// Generates at most `job.options.candidates` distinct texts, given the logits behind the prompt: the one that would be
  /// generated alone first, then the others, the most probable first.
  func decode(_ logits: UnsafePointer<Float>, run: TextRun) throws -> [InfillCandidate] {
    begin(logits, run)
    while true {
      let live = branches.indices.filter { branches[$0].end == nil }
      if live.isEmpty { break }
      if let interruption = job.interruption {
        for index in live { branches[index].end = interruption }
        break
      }
      let next = try session.append(
        branches: live.map { branches[$0].sequence }, tokens: live.map { branches[$0].run.tokens.last ?? 0 })
      for (position, index) in live.enumerated() {
        if let token = branches[index].run.tokens.last { branches[index].tokens.append(token) }
        let allowed = branches[index].run.allowed()
        let logits = UnsafePointer(next.pointer + position * size)
        let mixed = job.mixing?.mixed(logits, behind: branches[index].tokens) ?? logits
        let choice = branches[index].chooser.choose(mixed, count: size, allowed: allowed)
        take(choice, &branches[index])
      }
    }
    return distinct()
  }

  /// One branch per first token (greedy) or per seed (sampling).
  private func begin(_ logits: UnsafePointer<Float>, _ run: TextRun) {
    let wanted = job.options.candidates
    var chooser = TokenChooser(job.options)
    let allowed = run.allowed()
    let logits = job.mixing?.mixed(logits, behind: prompt) ?? logits
    func add(_ chooser: TokenChooser, _ choice: TokenChooser.Choice) {
      var branch = Branch(sequence: session.cache.fork(), tokens: prompt, run: run, chooser: chooser)
      take(choice, &branch)
      branches.append(branch)
    }
    guard job.options.sampling.isGreedy else {
      for stream in 0..<wanted {
        var own = TokenChooser(job.options, stream: UInt64(stream))
        let choice = own.choose(logits, count: size, allowed: allowed)
        add(own, choice)
      }
      return
    }
    // Some first tokens lead to the same text: a few more than wanted are tried.
    for token in chooser.best(wanted + wanted / 2, of: logits, size: size, allowed: allowed) {
      add(chooser, chooser.choose(logits, count: size, allowed: allowed, only: token))
    }
  }

  private func take(_ choice: TokenChooser.Choice, _ branch: inout Branch) {
    if !branch.run.take(choice) {
      branch.end = .endToken
    } else if !branch.run.isBound, job.shouldStop(branch.run.bytes) {
      branch.end = .stopRule
    } else if branch.run.tokens.count >= job.maxTokens || branch.tokens.count >= job.contextLength {
      branch.end = .tokenLimit
    }
  }

  private func distinct() -> [InfillCandidate] {
    let all = branches.map { $0.run.candidate(end: $0.end ?? .tokenLimit) }
    guard let first = all.first else { return [] }
    var seen: Set<[UInt8]> = [first.bytes]
    let others = all.dropFirst().sorted { $0.meanLogProbability > $1.meanLogProbability }
      .filter { !$0.bytes.isEmpty && seen.insert($0.bytes).inserted }
    return [first] + others.prefix(job.options.candidates - 1)
  }
}

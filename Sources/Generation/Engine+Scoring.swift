import Gemma

/// Scoring gives way to generation between two pieces of a text: a suggestion never waits for a search.
extension Engine {
  /// Sum of the natural log probabilities of `middle` and the end token, given the prompt of the hole.
  ///
  /// - Throws: as `infill`; `CancellationError` when the task has been cancelled.
  public func middleLogProbability(
    _ middle: [UInt8], in request: InfillRequest, order: PromptOrder
  ) async throws -> Double {
    let prompt = format.prompt(
      path: request.path, context: request.context, prefix: request.prefix, suffix: request.suffix,
      order: order)
    return try await score(
      tokenizer.encode(middle) + [tokenizer.endToken], after: prompt, adapter: request.adapter,
      mixing: mixing(request.mixture))
  }

  /// Sum of natural log probabilities of `continuation` as plain text after `context`.
  ///
  /// - Throws: as `middleLogProbability`.
  public func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double {
    let prompt = [tokenizer.beginToken] + tokenizer.encode(context)
    return try await score(tokenizer.encode(continuation), after: prompt, adapter: nil, mixing: nil)
  }

  private func score(
    _ targets: [Int32], after prompt: [Int32], adapter: String?, mixing: Mixing?
  ) async throws -> Double {
    guard !targets.isEmpty else { return 0 }
    var done = try recall(prompt, adapter: adapter)
    let sequence = session.cache
    // An adapter of this name may be replaced while this gives way.
    let factors = factors(ofAdapter: adapter)
    // Logits are needed behind the last prompt token and behind all targets but the last.
    let inputs = prompt + targets.dropLast()
    let firstTarget = prompt.count - 1
    let size = model.configuration.vocabularySize
    var sum = 0.0
    while done < inputs.count {
      try Task.checkCancellation()
      let border = done < firstTarget ? firstTarget : inputs.count
      let end = min(border, done + TextDecoder.promptPiece)
      resume(sequence, factors: factors)
      let logits = try session.append(
        Array(inputs[done..<end]), logits: done < firstTarget ? .none : .all)
      if done >= firstTarget {
        for (row, target) in targets[(done - firstTarget)..<(end - firstTarget)].enumerated() {
          let behind = mixing == nil ? [] : Array(inputs[...(done + row)])
          let mixed = mixing?.mixed(logits + row * size, behind: behind) ?? logits + row * size
          sum += Double(TokenChooser.logProbability(of: target, mixed, count: size))
        }
      }
      done = end
      if done < inputs.count { await Task.yield() }
    }
    // The next request for this hole starts from the prompt again.
    sequence.truncate(to: prompt.count)
    if self.factors(ofAdapter: adapter) === factors {
      memory.remember(prompt, sequence, adapter: adapter, document: nil)
    }
    return sum
  }
}

import Foundation
import Training
import Weights

/// What a run is going to cost, from a few real steps.
struct TrainingEstimate {
  /// Tokens of an optimiser step and seconds that it took here.
  var tokensPerStep: Double
  var secondsPerStep: Double
  /// Tokens of an epoch, from a sample.
  var tokensPerEpoch: Double
  /// Tokens whose loss is measured before the first and after the last step, by a forward pass alone.
  var heldOutTokens: Int
  var budget: TrainingRecipe.Budget

  /// Tokens per second here.
  var tokensPerSecond: Double { tokensPerStep / max(1e-9, secondsPerStep) }

  /// Optimiser steps that the budget is good for.
  var steps: Int {
    switch budget {
    case .steps(let steps): steps
    case .epochs(let epochs): max(1, Int((epochs * tokensPerEpoch / max(1, tokensPerStep)).rounded(.up)))
    case .seconds(let seconds): max(1, Int((seconds - measuring / 2) / max(1e-9, secondsPerStep)))
    }
  }

  /// Tokens of the whole run.
  var tokens: Double { Double(steps) * tokensPerStep }

  /// Seconds here, loading and carving excepted.
  var seconds: Double {
    switch budget {
    case .seconds(let seconds): seconds + measuring / 2
    case .steps, .epochs: Double(steps) * secondsPerStep + measuring
    }
  }

  /// Both measurements; the backward pass, which they lack, takes about two thirds of a step.
  private var measuring: Double { 2 * Double(heldOutTokens) / tokensPerSecond / 3 }

  /// Floating-point operations that a training step needs per token: forward and input gradients take two per weight each,
  /// the weights themselves get no gradient; the factors take all three products.
  static func operationsPerToken(weights: Int, factors: Int) -> Double {
    4 * Double(weights) + 6 * Double(factors)
  }

  /// What the run is predicted to be, for `--json`.
  var json: JSONValue {
    [
      "steps": .int(steps), "tokens": .int(Int(tokens)), "seconds": .double(seconds),
      "hours": .double(seconds / 3_600), "tokens_per_step": .double(tokensPerStep),
      "seconds_per_step": .double(secondsPerStep), "tokens_per_second": .double(tokensPerSecond),
      "tokens_per_epoch": .int(Int(tokensPerEpoch)), "held_out_tokens": .int(heldOutTokens),
    ]
  }

  /// Hours and money on a rented machine.
  func cost(
    on machine: RentedMachines.Machine, operationsPerToken: Double
  ) -> (tokensPerSecond: Double, hours: Double, money: Double) {
    let speed = machine.tokensPerSecond(operationsPerToken: operationsPerToken)
    let hours = tokens / speed / 3_600
    return (speed, hours, hours * machine.pricePerHour)
  }
}

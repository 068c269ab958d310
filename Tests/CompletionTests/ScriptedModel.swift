import Foundation
import Generation
import Synchronization
import Syntax

@testable import Completion

/// A model that says what a test tells it to, in small pieces, and remembers what it was asked.
final class ScriptedModel: InfillModel {
  struct State {
    var reply: [UInt8]
    var requests: [InfillRequest] = []
    var meanLogProbability: Float = -0.5
  }

  let state: Mutex<State>
  /// Bytes per token.
  let pieceBytes: Int

  init(_ reply: String, pieceBytes: Int = 3) {
    state = Mutex(State(reply: Array(reply.utf8)))
    self.pieceBytes = pieceBytes
  }

  var requests: [InfillRequest] { state.withLock { $0.requests } }
  func believe(_ meanLogProbability: Float) { state.withLock { $0.meanLogProbability = meanLogProbability } }
  func say(_ reply: String) { state.withLock { $0.reply = Array(reply.utf8) } }

  func infill(_ request: InfillRequest) async throws -> InfillResult {
    let reply = state.withLock { state in
      state.requests.append(request)
      return state.reply
    }
    var bytes: [UInt8] = []
    var tokens = 0
    var end = InfillResult.End.endToken
    while bytes.count < reply.count {
      if Task.isCancelled {
        end = .cancelled
        break
      }
      if tokens == request.maxTokens {
        end = .tokenLimit
        break
      }
      bytes += reply[bytes.count..<min(bytes.count + pieceBytes, reply.count)]
      tokens += 1
      if request.shouldStop(bytes) {
        end = .stopRule
        break
      }
    }
    return InfillResult(
      bytes: bytes, tokenCount: tokens, end: end,
      meanLogProbability: state.withLock { $0.meanLogProbability }, minLogProbability: -1,
      evaluatedPromptTokens: 3, reusedPromptTokens: 90, queueMs: 0, prefillMs: 1, decodeMs: 1)
  }

  func middleLogProbability(_ middle: [UInt8], in request: InfillRequest, order: PromptOrder) async throws
    -> Double
  { 0 }

  func logProbability(of continuation: [UInt8], after context: [UInt8]) async throws -> Double { 0 }
}

/// A text with the cursor at `‸`.
func marked(_ text: String) -> (text: [UInt8], cursor: Int) {
  let parts = text.components(separatedBy: "‸")
  precondition(parts.count == 2, "exactly one cursor")
  return (Array((parts[0] + parts[1]).utf8), parts[0].utf8.count)
}

func service(_ model: ScriptedModel) -> CompletionService {
  CompletionService(model: model) { _ in CompletionSyntax(language: nil) }
}

func request(_ text: String, _ trigger: CompletionRequest.Trigger = .automatic) -> CompletionRequest {
  let place = marked(text)
  return CompletionRequest(
    document: "file:///a.py", path: "a.py", text: place.text, cursor: place.cursor, trigger: trigger)
}

/// What is shown for a reply of the model at a marked place; nil for nothing.
func shown(_ reply: String, at text: String, _ trigger: CompletionRequest.Trigger = .invoked) async throws
  -> String?
{
  let answer = try await service(ScriptedModel(reply)).complete(request(text, trigger))
  return answer.text.isEmpty ? nil : String(decoding: answer.text, as: UTF8.self)
}

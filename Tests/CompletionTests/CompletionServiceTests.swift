import Context
import Generation
import Synchronization
import Syntax
import Testing

@testable import Completion

@Suite struct CompletionServiceTests {
  @Test func typingThroughASuggestionAsksTheModelOnce() async throws {
    let model = ScriptedModel("return alpha + beta")
    let service = service(model)
    let first = try await service.complete(request("def f():\n    ‸\n"))
    #expect(String(decoding: first.text, as: UTF8.self) == "return alpha + beta")
    #expect(first.source == .model)
    for typed in ["r", "re", "return al"] {
      let next = try await service.complete(request("def f():\n    \(typed)‸\n"))
      #expect(next.source == .typedThrough)
      #expect(typed + String(decoding: next.text, as: UTF8.self) == "return alpha + beta")
      #expect(next.identifier == first.identifier)
      #expect(next.evaluatedPromptTokens == 0)
    }
    #expect(model.requests.count == 1)
  }

  @Test func deletingBackIntoASuggestionAsksTheModelOnlyForTheMistake() async throws {
    let model = ScriptedModel("return alpha")
    let service = service(model)
    _ = try await service.complete(request("x:\n    ‸\n"))
    _ = try await service.complete(request("x:\n    rx‸\n"))
    #expect(model.requests.count == 2)
    let back = try await service.complete(request("x:\n    r‸\n"))
    #expect(back.source == .typedThrough)
    #expect(String(decoding: back.text, as: UTF8.self) == "eturn alpha")
    #expect(model.requests.count == 2)
  }

  @Test func anotherSuffixIsAnotherQuestion() async throws {
    let model = ScriptedModel("value")
    let service = service(model)
    _ = try await service.complete(request("x = ‸\n"))
    _ = try await service.complete(request("x = ‸\ny = 2\n"))
    #expect(model.requests.count == 2)
  }

  @Test func anotherAdapterIsAnotherQuestion() async throws {
    let model = ScriptedModel("value")
    let service = service(model)
    var question = request("x = ‸\n")
    _ = try await service.complete(question)
    question.adapter = "team"
    _ = try await service.complete(question)
    #expect(model.requests.map(\.adapter) == [nil, "team"])
  }

  @Test func anEmptyAnswerIsRememberedForTheSamePlaceOnly() async throws {
    let model = ScriptedModel("")
    let service = service(model)
    let first = try await service.complete(request("x = ‸\n"))
    #expect(first.hidden == .nothingGenerated)
    let again = try await service.complete(request("x = ‸\n"))
    #expect(again.source == .cache && again.text.isEmpty)
    model.say("5")
    let next = try await service.complete(request("x = y‸\n"))
    #expect(next.source == .model)
  }

  @Test func insideAWordNothingIsShownUnasked() async throws {
    let model = ScriptedModel("bar")
    let quiet = try await service(model).complete(request("foo‸baz()\n"))
    #expect(quiet.hidden == .insideWord)
    #expect(model.requests.isEmpty)
    let asked = try await service(model).complete(request("foo‸baz()\n", .invoked))
    #expect(asked.source == .model)
  }

  @Test func whatTheModelDoesNotBelieveIsShownOnlyWhenAsked() async throws {
    let model = ScriptedModel("value")
    model.believe(-2)
    let service = service(model)
    let unasked = try await service.complete(request("x = ‸\n"))
    #expect(unasked.hidden == .unsure && unasked.text.isEmpty)
    let asked = try await service.complete(request("x = ‸\n", .invoked))
    #expect(asked.text == Array("value".utf8))
  }

  @Test func theModelSeesTheBytesAroundTheCursor() async throws {
    let model = ScriptedModel("5")
    _ = try await service(model).complete(request("a = 1\r\nb = ‸ + 2\r\nc = 3\r\n"))
    let asked = try #require(model.requests.first)
    #expect(String(decoding: asked.prefix, as: UTF8.self) == "a = 1\nb = ")
    #expect(String(decoding: asked.suffix, as: UTF8.self) == " + 2\nc = 3\n")
  }

  @Test func generationStopsWhenTheRestWouldBeCutAway() async throws {
    let model = ScriptedModel("x = 1\n\n    y = 2\n    z = 3\n")
    let answer = try await service(model).complete(request("def f():\n    ‸\n", .invoked))
    #expect(answer.end == "stopRule")
    #expect(answer.generated.count < 14)
  }

  @Test func aLimitInTheMiddleOfALineDropsThatLine() async throws {
    let model = ScriptedModel("one = first()\n    two = second_of_many_more()\n    three = 3\n")
    var question = request("def f():\n    ‸\n")
    question.maxTokens = 9
    let answer = try await service(model).complete(question)
    #expect(answer.end == "tokenLimit")
    #expect(String(decoding: answer.text, as: UTF8.self) == "one = first()")
  }

  @Test func aCancelledTaskGivesNothingAndIsNotRemembered() async throws {
    let model = ScriptedModel("value")
    let service = service(model)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await service.complete(request("x = ‸\n"))
    }
    #expect(try await task.value.hidden == .cancelled)
    let again = try await service.complete(request("x = ‸\n"))
    #expect(again.source == .model && !again.text.isEmpty)
  }

  @Test func aHugeDocumentIsLeftAlone() async throws {
    let model = ScriptedModel("value")
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 4_000_001)
    let answer = try await service(model).complete(
      CompletionRequest(document: "d", path: "a.py", text: text, cursor: 0))
    #expect(answer.hidden == .documentTooLarge)
    #expect(model.requests.isEmpty)
  }

  @Test func aCursorOutsideTheTextIsMovedToItsEnd() async throws {
    let model = ScriptedModel("1")
    let answer = try await service(model).complete(
      CompletionRequest(document: "d", path: "a.py", text: Array("x = ".utf8), cursor: 99))
    #expect(answer.text == Array("1".utf8))
  }

  @Test func otherFilesAreAskedWithTheWindowAndShownToTheModel() async throws {
    let model = ScriptedModel("value")
    let service = service(model)
    let places = Mutex<[ContextPlace]>([])
    let snippet = ContextSnippet(
      path: "b.py", source: .definition, firstLine: 3, text: "def b():\n    pass\n")
    var question = request("x = ‸\ny = 2\n")
    question.context = { place in
      places.withLock { $0.append(place) }
      return [snippet]
    }
    let first = try await service.complete(question)
    #expect(first.context == [snippet])
    #expect(model.requests.last?.context == [PromptSnippet(path: "b.py", text: Array(snippet.text.utf8))])
    var typed = request("x = q‸\ny = 2\n")
    typed.context = question.context
    _ = try await service.complete(typed)
    let asked = places.withLock { $0 }
    #expect(asked.map(\.windowMoved) == [true, false])
    #expect(asked[0].windowBytes == asked[1].windowBytes && asked[0].window == 0..<11 && asked[0].cursor == 4)
    // Without a provider nobody is asked.
    _ = try await service.complete(request("x = qr‸\ny = 2\n"))
    #expect(model.requests.last?.context.isEmpty == true && places.withLock { $0.count } == 2)
  }
}

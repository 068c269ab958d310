import Carving
import Generation
import Weights

/// An example as text for trainers that tokenise themselves: the `prompt` and `completion` of Hugging Face datasets, as TRL's
/// SFT trainer reads them. The marks are written with their names; begin and end token are the trainer's to add.
public struct PromptCompletion: Sendable, Equatable {
  /// Everything up to the middle.
  public var prompt: String
  /// The middle; where the seam heals, with the word before it.
  public var completion: String

  /// Nil where the text holds the name of a mark, which a tokeniser would take for the mark itself.
  ///
  /// In suffix-first order such a trainer encodes prefix and middle as one text: `.joint`, whatever `seam` says, but with
  /// `.healed` the border lies before the word in which the cursor stands.
  public init?(_ example: FIMExample, format: PromptFormat, order: PromptOrder, seam: Seam = .joint) {
    let marks = format.marks
    let names =
      [marks.prefix, marks.middle, marks.suffix].map(\.piece)
      + [marks.fileSeparator?.piece].compactMap(\.self)
    let texts =
      [example.prefix, example.middle, example.suffix, example.path]
      + example.context.flatMap { [$0.text, $0.path] }
    // What is joined without a mark between must hold none either.
    let all = texts + [example.prefix + example.middle]
    if all.contains(where: { text in names.contains { text.utf8.contains($0.utf8) } }) { return nil }
    let head = format.headText(path: example.path, context: example.promptContext)
    if example.kind == .plain {
      (prompt, completion) = (head, example.prefix + example.middle + example.suffix)
      return
    }
    var (prefix, middle) = (example.prefix, example.middle)
    if seam == .healed, let healed = format.healedText(prefix) {
      prefix = healed.prefix
      middle = healed.requiredStart + middle
    }
    completion = middle
    switch order {
    case .prefixFirst:
      prompt = head + marks.prefix.piece + prefix + marks.suffix.piece + example.suffix + marks.middle.piece
    case .suffixFirst:
      prompt = head + marks.prefix.piece + marks.suffix.piece + example.suffix + marks.middle.piece + prefix
    }
  }

  /// One line of a JSONL file, its end included.
  public var line: [UInt8] {
    let value: JSONValue = ["prompt": .string(prompt), "completion": .string(completion)]
    return value.serialized() + [0x0A]
  }
}

extension String.UTF8View {
  /// Whether `other` occurs, byte for byte.
  fileprivate func contains(_ other: String.UTF8View) -> Bool {
    guard let first = other.first else { return true }
    var rest = self[...]
    while let start = rest.firstIndex(of: first) {
      if rest[start...].starts(with: other) { return true }
      rest = rest[index(after: start)...]
    }
    return false
  }
}

/// Writes examples as prompt and completion, one JSON object a line; the file appears whole or not at all.
public final class PromptCompletionWriter: ExampleSink {
  // Only touched by `append`, `seal` and `finish`, which come one at a time.
  nonisolated(unsafe) private var file: AtomicFile
  private let encoder: ExampleEncoder
  private let order: PromptOrder?
  private let epoch: Int
  nonisolated(unsafe) private var pending: [UInt8] = []

  /// Begins the file. Without an order, order and seam are drawn for each example as in training here.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public init(path: String, encoder: ExampleEncoder, order: PromptOrder? = nil, epoch: Int = 0) throws {
    file = try AtomicFile(path: path)
    self.encoder = encoder
    self.order = order
    self.epoch = epoch
  }

  /// The line of an example; nil where its text holds the name of a mark.
  public func prepare(_ example: FIMExample) -> [UInt8]? {
    var random = encoder.random(for: example, epoch: epoch)
    let (order, seam) = encoder.draw(example, order: order, random: &random)
    return PromptCompletion(example, format: encoder.format, order: order, seam: seam)?.line
  }

  /// Adds a line.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func append(_ prepared: [UInt8], of example: FIMExample) throws {
    pending += prepared
    if pending.count > 1 << 18 { try flush() }
  }

  /// Writes what is waiting, to the disk; nothing may be appended afterwards.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func seal() throws {
    try flush()
    try file.synchronize()
  }

  /// Makes the file appear.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func finish() throws {
    try file.commit()
  }

  private func flush() throws {
    try file.append(pending)
    pending.removeAll(keepingCapacity: true)
  }
}

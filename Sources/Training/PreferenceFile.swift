import Foundation
import Generation
import Weights

/// What is wrong with data about preferences.
public enum PreferenceError: Error, CustomStringConvertible, Equatable, Sendable {
  /// The file cannot be read.
  case unreadable(path: String, reason: String)
  /// A line is no example.
  case line(path: String, number: Int, problem: String)
  /// Lines of both kinds, or of the kind that the objective does not take.
  case kind(path: String, number: Int, wanted: String)
  /// Too little to learn from.
  case tooFew(path: String, desirable: Int, undesirable: Int, wanted: Int, wantedOfEach: Int)

  /// One line: what, where, and what to do.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "\(path): cannot be read: \(reason); give a file of JSON lines"
    case .line(let path, let number, let problem):
      "\(path):\(number): \(problem); a line is {\"path\", \"prefix\", \"suffix\", \"completion\", \"label\": true or false}"
        + " or {\"path\", \"prefix\", \"suffix\", \"chosen\", \"rejected\"}"
    case .kind(let path, let number, let wanted):
      "\(path):\(number): this line is of the other kind: the objective learns from \(wanted); "
        + "use --objective dpo for pairs and kto for labels"
    case .tooFew(let path, let desirable, let undesirable, let wanted, let wantedOfEach):
      "\(path): \(desirable) accepted and \(undesirable) rejected answers are too few: KTO needs \(wanted) with "
        + "\(wantedOfEach) of each kind; wait for more, or lower --least-events"
    }
  }
}

/// Preferences as JSON lines, in the members that TRL uses for answers and labels.
public enum PreferenceFile {
  /// Which verdicts a file holds.
  public enum Kind: Sendable {
    /// Single answers with labels.
    case labels
    /// Pairs.
    case pairs
  }

  /// Longest line that is read, in bytes.
  static let longestLine = 1 << 20
  /// Most snippets of other files in one line.
  static let mostSnippets = 64

  /// Reads examples that must all be of one kind. Blank lines are passed over.
  ///
  /// - Throws: `PreferenceError` with the line's number.
  public static func read(_ path: String, _ kind: Kind) throws(PreferenceError) -> [PreferenceExample] {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    var examples: [PreferenceExample] = []
    var number = 0
    var start = data.startIndex
    while start < data.endIndex {
      let end = data[start...].firstIndex(of: 0x0A) ?? data.endIndex
      number += 1
      let line = data[start..<end]
      start = end < data.endIndex ? end + 1 : end
      if line.allSatisfy({ $0 == 0x20 || (0x09...0x0D).contains($0) }) { continue }
      let example = try parse(line, path: path, number: number)
      switch (example.verdict, kind) {
      case (.single, .labels), (.pair, .pairs): examples.append(example)
      case (_, .labels):
        throw .kind(path: path, number: number, wanted: "single answers with labels")
      case (_, .pairs):
        throw .kind(path: path, number: number, wanted: "pairs of answers")
      }
    }
    return examples
  }

  private static func parse(
    _ line: Data, path: String, number: Int
  ) throws(PreferenceError) -> PreferenceExample {
    func fault(_ problem: String) -> PreferenceError { .line(path: path, number: number, problem: problem) }
    guard line.count <= longestLine else { throw fault("longer than \(longestLine) bytes") }
    let json: JSONValue
    do { json = try JSONValue(parsing: [UInt8](line)) } catch { throw fault("\(error)") }
    guard json.objectValue != nil else { throw fault("no JSON object") }
    func text(_ key: String, _ absent: String?) throws(PreferenceError) -> String {
      guard let value = json[key], !value.isNull else {
        guard let absent else { throw fault("'\(key)' is missing") }
        return absent
      }
      guard let text = value.stringValue else { throw fault("'\(key)' is no text") }
      return text
    }
    let verdict = try verdict(json, text, fault)
    return PreferenceExample(
      path: try text("path", ""), prefix: try text("prefix", nil), suffix: try text("suffix", ""),
      context: try snippets(json["context"], fault), verdict: verdict)
  }

  private static func verdict(
    _ json: JSONValue, _ text: (String, String?) throws(PreferenceError) -> String,
    _ fault: (String) -> PreferenceError
  ) throws(PreferenceError) -> PreferenceExample.Verdict {
    if json["chosen"] != nil || json["rejected"] != nil {
      let (chosen, rejected) = (try text("chosen", nil), try text("rejected", nil))
      guard chosen != rejected else { throw fault("'chosen' and 'rejected' are the same") }
      return .pair(chosen: chosen, rejected: rejected)
    }
    let completion = try text("completion", nil)
    guard let label = json["label"]?.boolValue else { throw fault("'label' is neither true nor false") }
    var weight = 1.0
    if let value = json["weight"], !value.isNull {
      guard let number = value.doubleValue, number > 0, number <= 100 else {
        throw fault("'weight' is no number above 0 and at most 100")
      }
      weight = number
    }
    var isWhole = true
    if let value = json["whole"], !value.isNull {
      guard let flag = value.boolValue else { throw fault("'whole' is neither true nor false") }
      isWhole = flag
    }
    return .single(completion: completion, isDesirable: label, weight: Float(weight), isWhole: isWhole)
  }

  private static func snippets(
    _ value: JSONValue?, _ fault: (String) -> PreferenceError
  ) throws(PreferenceError) -> [PromptSnippet] {
    guard let value, !value.isNull else { return [] }
    guard let list = value.arrayValue, list.count <= mostSnippets else {
      throw fault("'context' is no list of at most \(mostSnippets) pieces")
    }
    var snippets: [PromptSnippet] = []
    for piece in list {
      guard let path = piece["path"]?.stringValue, let text = piece["text"]?.stringValue else {
        throw fault("a piece of 'context' has no path or no text")
      }
      snippets.append(PromptSnippet(path: path, text: Array(text.utf8)))
    }
    return snippets
  }
}

/// Examples to learn from, counted.
public struct PreferenceSet: Sendable {
  /// Where they come from, for messages.
  public var path: String
  /// The examples.
  public var examples: [PreferenceExample]

  /// Creates a set.
  public init(path: String, examples: [PreferenceExample]) {
    self.path = path
    self.examples = examples
  }

  /// Single answers that were wanted.
  public var desirable: Int { count { $0 } }
  /// Single answers that were not.
  public var undesirable: Int { count { !$0 } }

  private func count(_ isCounted: (Bool) -> Bool) -> Int {
    examples.count {
      if case .single(_, let isDesirable, _, _) = $0.verdict { return isCounted(isDesirable) }
      return false
    }
  }

  /// Fewest labelled answers that KTO is run on, unless told otherwise.
  public static let leastEvents = 500

  /// - Throws: `PreferenceError.tooFew` with fewer than `least` labelled answers, or than a fifth of that of either kind.
  public func check(least: Int = PreferenceSet.leastEvents) throws(PreferenceError) {
    let ofEach = max(1, least / 5)
    guard desirable + undesirable >= least, desirable >= ofEach, undesirable >= ofEach else {
      throw .tooFew(
        path: path, desirable: desirable, undesirable: undesirable, wanted: least, wantedOfEach: ofEach)
    }
  }
}

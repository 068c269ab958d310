import Corpus
import Synchronization

/// Which part of a data set an example belongs to.
public typealias DataSplit = SplitPlanner.Part

/// Where examples go: a file, a set of shards.
///
/// The expensive half of writing is done on all cores by `prepare`; `append` receives its results one at a time, in
/// the order of the data set. Of several sinks all are sealed before the first is finished, so that none appears when
/// another cannot be written. A sink that is dropped before `finish` leaves nothing behind.
public protocol ExampleSink: AnyObject, Sendable {
  /// The form in which an example is stored; nil where the sink cannot hold it. Called from any thread, several at a time.
  func prepare(_ example: FIMExample) throws -> [UInt8]?

  /// Stores an example, or what `prepare` made of it.
  func append(_ prepared: [UInt8], of example: FIMExample) throws

  /// Brings everything to the disk, under a name that nobody looks at; nothing may be appended afterwards.
  func seal() throws

  /// Makes the output appear: gives files their names, and does nothing else that may fail. Follows `seal`.
  func finish() throws
}

extension ExampleSink {
  /// Prepares and stores an example.
  ///
  /// - Returns: false where the sink cannot hold it.
  @discardableResult
  public func append(_ example: FIMExample) throws -> Bool {
    guard let prepared = try prepare(example) else { return false }
    try append(prepared, of: example)
    return true
  }
}

/// A sink and the split that it receives.
public struct CarvingOutput: Sendable {
  /// Examples of this split go to the sink.
  public let split: DataSplit
  /// Receives them.
  public let sink: any ExampleSink

  /// Pairs a split with a sink.
  public init(_ split: DataSplit, _ sink: any ExampleSink) {
    self.split = split
    self.sink = sink
  }
}

extension [CarvingOutput] {
  /// What the outputs of a split store of an example, by the number of the output; nil where one of them cannot hold it:
  /// then none gets it, and counts are the same for all.
  public func prepared(
    _ example: FIMExample, for split: DataSplit
  ) throws -> [(output: Int, bytes: [UInt8])]? {
    var prepared: [(output: Int, bytes: [UInt8])] = []
    for (number, output) in enumerated() where output.split == split {
      guard let bytes = try output.sink.prepare(example) else { return nil }
      prepared.append((number, bytes))
    }
    return prepared
  }
}

/// Keeps examples in memory, for small sets.
public final class ExampleList: ExampleSink {
  private let list = Mutex<[FIMExample]>([])

  /// An empty list.
  public init() {}

  /// Nothing is to be made.
  public func prepare(_ example: FIMExample) -> [UInt8]? { [] }

  /// Stores the example.
  public func append(_ prepared: [UInt8], of example: FIMExample) { list.withLock { $0.append(example) } }

  /// Nothing is to be kept.
  public func seal() {}

  /// Nothing is left to do.
  public func finish() {}

  /// The examples in their order.
  public var examples: [FIMExample] { list.withLock { $0 } }
}

import Weights

/// Writes examples as JSON lines, the format of `ExampleFile`; the file appears whole or not at all.
public final class JSONLSink: ExampleSink {
  /// The file.
  public let path: String
  /// Only touched by `append`, `seal` and `finish`, which come one at a time.
  nonisolated(unsafe) private var file: AtomicFile?
  nonisolated(unsafe) private var buffer: [UInt8] = []

  private static let bufferBytes = 1 << 20

  /// Begins a file.
  ///
  /// - Throws: `CarvingError.unwritable`.
  public init(path: String) throws(CarvingError) {
    self.path = path
    do throws(WeightsError) {
      file = try AtomicFile(path: path)
    } catch {
      throw Self.fault(error, path: path)
    }
  }

  /// The line of an example.
  public func prepare(_ example: FIMExample) -> [UInt8]? { ExampleLine.json(example) }

  /// Adds a line.
  ///
  /// - Throws: `CarvingError.unwritable`.
  public func append(_ prepared: [UInt8], of example: FIMExample) throws {
    buffer += prepared
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  /// Writes what is waiting, to the disk.
  ///
  /// - Throws: `CarvingError.unwritable`.
  public func seal() throws {
    try flush()
    do throws(WeightsError) {
      try file?.synchronize()
    } catch {
      throw Self.fault(error, path: path)
    }
  }

  /// Makes the file appear.
  ///
  /// - Throws: `CarvingError.unwritable`.
  public func finish() throws {
    do throws(WeightsError) {
      try file?.commit()
    } catch {
      throw Self.fault(error, path: path)
    }
    file = nil
  }

  private func flush() throws(CarvingError) {
    do throws(WeightsError) {
      try file?.append(buffer)
    } catch {
      throw Self.fault(error, path: path)
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private static func fault(_ error: WeightsError, path: String) -> CarvingError {
    .unwritable(path: path, reason: "\(error)")
  }
}

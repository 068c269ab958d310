import Foundation
import Numerics
import Weights

/// Whether a model's packed matrices are kept between two starts.
public enum PackedCaching: Sendable {
  /// Not at all.
  case off
  /// In a file beside the model or, where that cannot be written, in this folder.
  case on(fallback: String?)
}

/// The packed matrices of one model in a file of their own, so that a second start maps them instead of making them, and
/// several processes share their pages.
///
/// The file is named after the model, with `.gempack`, and holds every quantised matrix in the tiles that the kernels read.
/// It is bound to the state of the model's files (`MappedFile.identity`), to the precision asked for and to the layout
/// of the tiles; whatever does not fit, is damaged or cut short, is ignored and written anew. All of it is checked at
/// every start: header by SHA-256, contents by `Checksum`, which costs no more than reading them once.
///
/// Where no file can be written, the model works without, and a note says why. Used by one loader at a time.
final class PackedCache {
  /// What happened, for people.
  private(set) var notes: [String] = []
  private let identity: JSONValue
  private let places: [String]
  private var file: PackedFile?
  private var sections: [String: PackedFile.Section] = [:]
  private var taken: [(name: String, matrix: QuantizedMatrix, origin: Origin?)] = []
  private var isComplete = true

  /// Smaller models are packed as fast as a file is checked.
  static let leastBytes = 8 << 20

  /// From what a matrix was made that is held in another form than it is stored in.
  struct Origin: Equatable {
    let format: BlockFormat
    let relativeError: Double
  }

  /// Looks for a file of packed matrices of `source`. Without one, or with caching off, all matrices have to be made.
  init(
    _ caching: PackedCaching, source: any TensorSource, precision: WeightPrecision, pool: WorkerPool = .shared
  ) {
    guard case .on(let fallback) = caching, precision != .float32, let state = source.identity else {
      identity = .null
      places = []
      return
    }
    identity = [
      "source": state, "precision": .string(precision.rawValue), "layout": .string(Self.layoutFingerprint),
    ]
    places = Self.places(for: source.path, precision, fallback: fallback)
    for place in places where FileManager.default.fileExists(atPath: place) {
      guard let found = try? PackedFile(path: place, identity: identity),
        (try? found.verify(pool: pool)) != nil
      else { continue }
      file = found
      sections = Dictionary(found.sections.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      return
    }
  }

  /// Whether matrices come from a file.
  var isMapped: Bool { file != nil }

  /// The matrix called `name` and from what it was made, if the file has it in this shape.
  func matrix(_ name: String, rows: Int, columns: Int) -> QuantizedMatrix? {
    guard let file, let section = sections[name], section.attributes["rows"]?.intValue == rows,
      section.attributes["columns"]?.intValue == columns, columns % 32 == 0, rows > 0,
      let precision = Self.precision(section.attributes["precision"]?.stringValue)
    else { return nil }
    let bytes = file.bytes(of: section)
    guard bytes.count == QuantizedMatrix.packedByteCount(rows: rows, columns: columns, precision: precision)
    else { return nil }
    let matrix = QuantizedMatrix(
      packed: bytes, keeping: file, rows: rows, columns: columns, precision: precision)
    taken.append((name, matrix, Self.origin(section.attributes)))
    return matrix
  }

  /// Takes a matrix that had to be made, for the file that is going to be written.
  func add(_ name: String, _ matrix: QuantizedMatrix, origin: Origin?) {
    isComplete = false
    taken.append((name, matrix, origin))
  }

  /// Writes the file where none was found, and notes what was lost by rounding.
  func finish() {
    noteOrigins()
    let bytes = taken.reduce(0) { $0 + $1.matrix.byteCount }
    guard !isComplete, !places.isEmpty, bytes >= Self.leastBytes else { return }
    var reasons: [String] = []
    for place in places {
      do {
        try write(to: place)
        return
      } catch {
        reasons.append("\(error)")
      }
    }
    notes.append("no packed cache, the next start takes as long: " + reasons.joined(separator: "; "))
  }

  private func write(to path: String) throws {
    let folder = (path as NSString).deletingLastPathComponent
    if path != places.first {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    AtomicFile.removeAbandoned(beside: path)
    let output = taken.map { name, matrix, origin in
      PackedFile.OutputSection(name: name, attributes: Self.attributes(matrix, origin)) { body in
        try matrix.withPackedBytes { try body($0) }
      }
    }
    try PackedFile.write(output, identity: identity, to: path)
    PackedFile.readIntoLargePages(path: path)
  }
}

// MARK: - Notes

extension PackedCache {
  /// One sentence about all matrices that are held in another form than the file's.
  private func noteOrigins() {
    let changed = taken.compactMap { item in
      item.origin.map {
        (name: item.name, form: item.matrix.precision == .eightBit ? "q8_0" : "q4_0", origin: $0)
      }
    }
    guard let worst = changed.max(by: { $0.origin.relativeError < $1.origin.relativeError }) else { return }
    let formats = Set(changed.map { $0.origin.format.rawValue }).sorted().joined(separator: ", ")
    let forms = Set(changed.map(\.form)).sorted().joined(separator: " or ")
    notes.append(
      "\(changed.count) matri\(changed.count == 1 ? "x" : "ces") stored as \(formats) "
        + "\(changed.count == 1 ? "is" : "are") held as \(forms): relative error "
        + String(format: "%.4f at most (", worst.origin.relativeError) + worst.name + ")")
  }
}

// MARK: - Names and attributes

extension PackedCache {
  /// Beside the model, then in the folder for all that cannot lie there.
  static func places(for path: String, _ precision: WeightPrecision, fallback: String?) -> [String] {
    var isDirectory: ObjCBool = false
    let isFolder =
      FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    let suffix = (precision == .native ? "" : "." + precision.rawValue) + ".gempack"
    let beside = (isFolder ? path + "/model" : path) + suffix
    guard let fallback else { return [beside] }
    let url = URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath()
    let hash = SHA256.hash(Array(url.path.utf8)).prefix(16)
    return [beside, "\(fallback)/\(hash)-\(url.lastPathComponent)\(suffix)"]
  }

  private static func attributes(_ matrix: QuantizedMatrix, _ origin: Origin?) -> JSONValue {
    [
      "rows": .int(matrix.rows), "columns": .int(matrix.columns),
      "precision": matrix.precision == .eightBit ? "q8_0" : "q4_0",
      "origin": origin.map { .string($0.format.rawValue) } ?? .null,
      "relative_error": origin.map { .double($0.relativeError) } ?? .null,
    ]
  }

  private static func origin(_ attributes: JSONValue) -> Origin? {
    guard let format = attributes["origin"]?.stringValue.flatMap(BlockFormat.init(rawValue:)) else {
      return nil
    }
    return Origin(format: format, relativeError: attributes["relative_error"]?.doubleValue ?? 0)
  }

  private static func precision(_ name: String?) -> QuantizedMatrix.Precision? {
    switch name {
    case "q8_0": .eightBit
    case "q4_0": .fourBit
    default: nil
    }
  }

  /// How a fixed pattern is packed: another layout gives another fingerprint, whether anybody thought of it or not.
  private static let layoutFingerprint: String = {
    let (rows, columns) = (37, 96)
    let formats: [(QuantizedMatrix.Precision, bytesPerBlock: Int)] = [(.eightBit, 34), (.fourBit, 18)]
    return formats.map { precision, bytesPerBlock in
      let blocks = (0..<rows * columns / 32 * bytesPerBlock).map {
        UInt8(truncatingIfNeeded: $0 * 31 + $0 / 251)
      }
      let matrix = blocks.withUnsafeBytes {
        QuantizedMatrix(ggmlBlocks: $0, rows: rows, columns: columns, precision: precision)
      }
      return matrix.withPackedBytes { Checksum.hash($0) }
    }.joined(separator: "-")
  }()
}

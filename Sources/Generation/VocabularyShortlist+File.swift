import Gemma
import Weights

extension VocabularyShortlist {
  private static let sectionName = "ids"
  /// The largest vocabulary that any Gemma has, many times over: a bound for what a damaged file can ask for.
  private static let mostIds = 1 << 24

  private static func identity(_ modelSHA256: String, _ vocabularySize: Int) -> JSONValue {
    ["what": "vocabulary shortlist", "model": .string(modelSHA256), "vocabulary": .int(vocabularySize)]
  }

  /// Writes the ids and how sure they have to be; the file appears whole or not at all.
  ///
  /// - Throws: `WeightsError.unwritable`.
  public func write(to path: String, modelSHA256: String, vocabularySize: Int) throws {
    let bytes = ids.flatMap { id in withUnsafeBytes(of: id.littleEndian) { [UInt8]($0) } }
    let section = PackedFile.OutputSection(
      name: Self.sectionName, attributes: ["least_share": .double(Double(leastShare))]
    ) { body in try bytes.withUnsafeBytes { try body($0) } }
    try PackedFile.write(
      [section], identity: Self.identity(modelSHA256, vocabularySize), to: path)
  }

  /// Reads what `write` wrote for the same model.
  ///
  /// - Throws: `WeightsError` where the file is damaged or belongs to another model; `GemmaError.shortlist`.
  public convenience init(path: String, modelSHA256: String, model: GemmaModel) throws {
    let file = try PackedFile(
      path: path, identity: Self.identity(modelSHA256, model.configuration.vocabularySize))
    try file.verify()
    guard let section = file.sections.first, section.name == Self.sectionName, file.sections.count == 1,
      let leastShare = section.attributes["least_share"]?.doubleValue
    else {
      throw WeightsError.malformed(path: path, place: "the sections", problem: "not those of a shortlist")
    }
    let bytes = file.bytes(of: section)
    guard bytes.count % 4 == 0, bytes.count / 4 <= Self.mostIds else {
      throw WeightsError.malformed(path: path, place: "'ids'", problem: "has \(bytes.count) bytes")
    }
    let ids = (0..<(bytes.count / 4)).map {
      Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self))
    }
    try self.init(ids, leastShare: Float(leastShare), model: model)
  }
}

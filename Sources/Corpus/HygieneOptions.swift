/// Where the limits of hygiene stand. A settings file names `deniedLicences` only.
public struct HygieneOptions: Sendable, Codable, Equatable {
  /// SPDX identifiers of licences whose files are left out; one that ends with `-` stands for a family ("AGPL-").
  public var deniedLicences: Set<String> = []
  /// Fewer words make no file.
  public var minimumWords = 5
  /// Bytes of a line of code that somebody wrote (BigCode's basic filter); longer ones are machines' lines.
  public var maximumLine = 1_000
  /// The share of a file that may stand in longer lines: a test's one long text does not make a file minified.
  public var maximumLongLineShare = 0.1
  /// Mean bytes of a line of code that somebody wrote (BigCode's basic filter).
  public var maximumMeanLine = 100
  /// The least share of letters and digits among the bytes that are no white space.
  public var minimumAlphanumericShare = 0.25
  /// The greatest share of bytes in numbers among the bytes that are no white space.
  public var maximumNumberShare = 0.3
  /// The greatest shares of a file's word bytes that one sequence of two, three or four words may make up.
  public var maximumRepeatedShares = [0.3, 0.28, 0.26]
  /// Files in folders for test data may be this large.
  public var maximumFixtureBytes = 50_000
  /// Larger JSON files are data rather than settings.
  public var maximumJSONBytes = 50_000
  /// Whether e-mail addresses, public IP addresses, phone, card and account numbers are replaced besides secrets.
  public var redactsPersonalData = true

  /// Creates options.
  public init(deniedLicences: Set<String> = []) {
    self.deniedLicences = deniedLicences
  }

  /// Whether a text can deny a licence: the name of one, or the beginning of several names up to a hyphen ("AGPL-").
  public static func canDeny(_ text: String) -> Bool {
    LicenceNames.known(text[...]) != nil || text.hasSuffix("-") && LicenceNames.hasName(beginning: text)
  }

  /// A text that is equal for equal options under equal rules, for keys of caches.
  public var recipe: String {
    let licences = deniedLicences.sorted().joined(separator: ",")
    var others = self
    others.deniedLicences = []
    return "\(FileHygiene.version) \(licences) \(others)"
  }

  private enum CodingKeys: String, CodingKey {
    case deniedLicences, minimumWords, maximumLine, maximumLongLineShare, maximumMeanLine,
      minimumAlphanumericShare,
      maximumNumberShare
    case maximumRepeatedShares, maximumFixtureBytes, maximumJSONBytes, redactsPersonalData
  }

  /// Reads options; what is not there has its default.
  ///
  /// - Throws: `DecodingError` for a value of the wrong type.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func read<Value: Decodable>(_ key: CodingKeys, into target: inout Value) throws {
      if let value = try values.decodeIfPresent(Value.self, forKey: key) { target = value }
    }
    try read(.deniedLicences, into: &deniedLicences)
    try read(.minimumWords, into: &minimumWords)
    try read(.maximumLine, into: &maximumLine)
    try read(.maximumLongLineShare, into: &maximumLongLineShare)
    try read(.maximumMeanLine, into: &maximumMeanLine)
    try read(.minimumAlphanumericShare, into: &minimumAlphanumericShare)
    try read(.maximumNumberShare, into: &maximumNumberShare)
    try read(.maximumRepeatedShares, into: &maximumRepeatedShares)
    try read(.maximumFixtureBytes, into: &maximumFixtureBytes)
    try read(.maximumJSONBytes, into: &maximumJSONBytes)
    try read(.redactsPersonalData, into: &redactsPersonalData)
  }
}

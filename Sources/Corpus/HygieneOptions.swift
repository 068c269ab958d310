/// Where the limits of hygiene stand.
public struct HygieneOptions: Sendable, Codable, Equatable {
  /// SPDX identifiers of licences whose files are left out; one that ends with `-` stands for a family ("AGPL-").
  public var deniedLicences: Set<String>

  /// Creates options.
  public init(deniedLicences: Set<String> = []) {
    self.deniedLicences = deniedLicences
  }
}

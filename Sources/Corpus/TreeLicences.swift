/// What the licence files of a tree say about the files beside and below them: LICENSE, COPYING and the like, the nearest
/// one above a file.
public struct TreeLicences: Sendable, Equatable {
  /// No licence file anywhere.
  public static let none = TreeLicences([])

  /// SPDX expressions by folder; "" where a file's words are not known.
  private var folders: [String: String] = [:]
  /// What holds for the whole tree by a file above its root.
  private let above: String?

  /// A licence file.
  struct Document {
    /// Its folder below the tree's root, "" for the root.
    let folder: String
    let name: String
    let bytes: [UInt8]
  }

  /// - Parameter above: the files of the nearest folder above the root that has any.
  init(_ documents: [Document], above: [Document] = []) {
    for (folder, own) in Dictionary(grouping: documents, by: \.folder) {
      folders[folder] = Self.expression(of: own)
    }
    self.above = Self.expression(of: above)
  }

  /// The SPDX expression that holds for a file: its own where its notice names one, else that of the nearest licence file.
  ///
  /// - Parameter own: what its notice names, "" for nothing known; nil without a notice.
  /// - Returns: "" where there is a text that names nothing known, nil where there is none.
  public func licence(of path: String, own: String?) -> String? {
    if let own, !own.isEmpty { return own }
    var folder = path[...]
    while !folder.isEmpty {
      folder = folder.lastIndex(of: "/").map { folder[..<$0] } ?? ""
      if let found = folders[String(folder)] { return found }
    }
    return above ?? own
  }

  /// Why a file's licence keeps it out; nil where it does not.
  ///
  /// - Parameter own: as in `licence`.
  public func fault(of path: String, own: String?, denied: Set<String>) -> SkippedFile? {
    guard !denied.isEmpty, let name = licence(of: path, own: own), !name.isEmpty,
      !LicenceExpression.isAllowed(name, denied: denied)
    else { return nil }
    return SkippedFile(.licence, name)
  }

  // MARK: Names

  /// What the name of a licence file says.
  enum Role {
    /// The licence, or one of several that all hold.
    case whole
    /// One of those among which one may choose, such as LICENSE-MIT beside LICENSE-APACHE.
    case choice
  }

  private static let stems: Set<Substring> = ["license", "licence", "copying", "unlicense"]
  private static let suffixes: Set<Substring> = ["txt", "md", "rst", "text", "markdown"]
  private static let names: Set<Substring> = [
    "mit", "apache", "apache2", "apachev2", "bsd", "bsd2", "bsd3", "clause", "2clause", "3clause", "gpl",
    "gpl2", "gpl3",
    "gplv2", "gplv3", "lgpl", "lgpl2", "lgpl3", "lgplv2", "lgplv3", "agpl", "agpl3", "agplv3", "mpl", "mpl2",
    "isc",
    "zlib", "boost", "bsl", "cc0", "0", "1", "2", "3", "v2", "v3",
  ]

  /// Whether a file of this name states a licence for what is beside it; nil for others, such as lists of what other
  /// people's code is under, and code about licences.
  static func role(ofName name: some StringProtocol) -> Role? {
    guard name.utf8.count <= 40 else { return nil }
    var words = name.lowercased().split { "-_. ".contains($0) }
    if let last = words.last, suffixes.contains(last) { words.removeLast() }
    guard words.contains(where: stems.contains) else { return nil }
    let rest = words.filter { !stems.contains($0) }
    if rest.isEmpty { return words == ["unlicense"] ? .choice : .whole }
    if rest == ["lesser"] { return .whole }
    return rest.allSatisfy(names.contains) ? .choice : nil
  }

  // MARK: Several files

  /// What the files of one folder say together; nil without any.
  private static func expression(of documents: [Document]) -> String? {
    guard !documents.isEmpty else { return nil }
    var whole: [[String]] = []
    var choices: [String] = []
    for document in documents.sorted(by: { $0.name < $1.name }) {
      let found = document.bytes.withUnsafeBufferPointer {
        LicenceText.statedIdentifier(in: $0) ?? LicenceText.identify($0)
      }
      guard let found else { continue }
      let alternatives = found.components(separator: " OR ")
      if role(ofName: document.name) == .whole {
        if !whole.contains(alternatives) { whole.append(alternatives) }
      } else {
        choices += alternatives.filter { !choices.contains($0) }
      }
    }
    // The lesser licence is a text beside that of the GPL, which it softens.
    if whole.contains(where: { $0.allSatisfy { $0.hasPrefix("LGPL-") } }) {
      whole.removeAll { $0.allSatisfy { $0.hasPrefix("GPL-") } }
    }
    // A text that only names the choices adds nothing to them.
    whole.removeAll { $0.allSatisfy(choices.contains) }
    if !choices.isEmpty { whole.append(choices) }
    return whole.reduce([]) { product($0, $1) }.joined(separator: " OR ")
  }

  /// All of `left` and all of `right` hold: every pair of their alternatives is one.
  private static func product(_ left: [String], _ right: [String]) -> [String] {
    guard !left.isEmpty else { return right }
    return left.flatMap { first in right.map { "\(first) AND \($0)" } }
  }
}

extension String {
  /// The parts between separators.
  fileprivate func components(separator: String) -> [String] {
    split(separator: separator).map(String.init)
  }
}

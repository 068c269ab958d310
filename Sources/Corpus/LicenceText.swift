/// Names licences by their words.
public enum LicenceText {
  /// Longer texts are read up to here; the words that tell a licence stand at its top or in its first clauses.
  private static let maximumBytes = 40_000

  /// The SPDX identifier of a licence's text or of a notice that names one; nil where the words say nothing known.
  ///
  /// A whole text of a GNU licence cannot say whether later versions are meant: it counts as "-only".
  public static func identify(_ bytes: [UInt8]) -> String? {
    bytes.withUnsafeBufferPointer { identify($0) }
  }

  static func identify(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
    let text = normalised(bytes)
    func says(_ phrases: String...) -> Bool { phrases.contains { text.contains($0) } }
    if let gnu = gnu(text) { return gnu }
    let isApache =
      says(
        "apache license 2.0", "apache-2.0", "apache license, version 2.0", "licenses/license-2.0",
        "apache 2.0")
      || (says("apache license") && says("version 2.0"))
    let isMIT = says(
      "permission is hereby granted, free of charge, to any person obtaining a copy", "mit license",
      "mit-license",
      "under the mit", "mit style license", "mit-style license", "license: mit", "the mit licence",
      "license mit",
      "licence: mit", "opensource.org/licenses/mit")
    if isApache && isMIT && says(" or the mit", " or mit", "mit or ", "either") { return "MIT OR Apache-2.0" }
    if isApache { return "Apache-2.0" }
    if says("mozilla public license") {
      return says("2.0") ? "MPL-2.0" : says("1.1") ? "MPL-1.1" : nil
    }
    if says("boost software license", "to any person or organization obtaining a copy") { return "BSL-1.0" }
    if isMIT { return "MIT" }
    return bsd(text) ?? other(text)
  }

  private static func gnu(_ text: NoticeText) -> String? {
    let family: String
    // A licence's own title stands at the top; notices name another only further down.
    let head = text.prefix(600)
    if head.contains("affero general public")
      || (text.contains("affero general public") && text.count < 4_000)
    {
      family = "AGPL"
    } else if head.contains("lesser general public") || head.contains("library general public")
      || head.contains("lgpl")
    {
      family = "LGPL"
    } else if head.contains("gnu general public") || head.contains("gplv") || head.contains("license: gpl") {
      family = "GPL"
    } else if text.count < 4_000, text.contains("lesser general public") {
      family = "LGPL"
    } else if text.count < 4_000, text.contains("gnu general public") || text.contains("gpl license") {
      family = "GPL"
    } else {
      return nil
    }
    let versions = family == "AGPL" ? ["3"] : family == "LGPL" ? ["2.1", "3", "2"] : ["3", "2"]
    let named = versions.filter { version in
      ["version ", "v", "gpl-", "gpl ", "license ", "either version "].contains {
        text.contains($0 + version)
      }
    }
    guard let version = named.first else { return nil }
    let isWhole = text.contains("terms and conditions for copying") || text.contains("0. definitions")
    let allowsLater =
      !isWhole
      && ["any later version", "or later", "or newer", "or-later", "\(version)+"].contains {
        text.contains($0)
      }
    return
      "\(family)-\(version.contains(".") ? version : version + ".0")\(allowsLater ? "-or-later" : "-only")"
  }

  private static func bsd(_ text: NoticeText) -> String? {
    func says(_ phrases: String...) -> Bool { phrases.contains { text.contains($0) } }
    if says("redistribution and use in source and binary forms") {
      if says("all advertising materials mentioning features") { return "BSD-4-Clause" }
      return says("neither the name", "may not be used to endorse", "nor the names of")
        ? "BSD-3-Clause" : "BSD-2-Clause"
    }
    if says("bsd-2-clause", "2-clause bsd", "simplified bsd", "freebsd license") { return "BSD-2-Clause" }
    if says(
      "bsd-3-clause", "3-clause bsd", "new bsd", "modified bsd", "revised bsd", "bsd-style license",
      "bsd style license")
    {
      return "BSD-3-Clause"
    }
    return says("license: bsd", "bsd license", "under the bsd") ? "BSD-3-Clause" : nil
  }

  /// Phrase and identifier; the first that occurs counts.
  private static let phrases: [(String, String)] = [
    ("free and unencumbered software released into the public domain", "Unlicense"),
    ("the unlicense", "Unlicense"),
    ("altered source versions must be plainly marked", "Zlib"), ("zlib license", "Zlib"),
    ("python software foundation license", "PSF-2.0"), ("psf license", "PSF-2.0"),
    ("licensed to psf under a contributor agreement", "PSF-2.0"), ("cc0 1.0", "CC0-1.0"),
    ("creative commons zero", "CC0-1.0"), ("eclipse public license 2.0", "EPL-2.0"),
    ("eclipse public license v2", "EPL-2.0"), ("eclipse public license - v 2.0", "EPL-2.0"),
    ("eclipse public license", "EPL-1.0"), ("server side public license", "SSPL-1.0"),
    ("business source license", "BUSL-1.1"), ("elastic license 2.0", "Elastic-2.0"),
    ("european union public licen", "EUPL-1.2"), ("artistic license 2.0", "Artistic-2.0"),
    ("do what the fuck you want to public license", "WTFPL"),
    ("common development and distribution", "CDDL-1.0"),
    ("attribution-sharealike 4.0", "CC-BY-SA-4.0"), ("cc-by-sa", "CC-BY-SA-4.0"),
    ("attribution 4.0", "CC-BY-4.0"),
    ("isc license", "ISC"), ("isc licence", "ISC"), ("license: isc", "ISC"),
  ]

  private static func other(_ text: NoticeText) -> String? {
    if text.contains("permission to use, copy, modify, and")
      && text.contains("for any purpose with or without fee")
    {
      return text.contains("provided that the above copyright notice") ? "ISC" : "0BSD"
    }
    return phrases.first { text.contains($0.0) }?.1
  }

  /// Small letters, without comment signs, one blank between words.
  private static func normalised(_ bytes: UnsafeBufferPointer<UInt8>) -> NoticeText {
    var text: [UInt8] = []
    let head = bytes.prefix(maximumBytes)
    text.reserveCapacity(head.count)
    for byte in head {
      switch byte {
      case 0...0x20, UInt8(ascii: "#"), UInt8(ascii: "*"), UInt8(ascii: ";"), UInt8(ascii: "`"):
        if text.last != 0x20 { text.append(0x20) }
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): text.append(byte | 0x20)
      case UInt8(ascii: "/") where text.last == 0x20: break
      default: text.append(byte)
      }
    }
    return NoticeText(bytes: text)
  }

  /// The expression behind `SPDX-License-Identifier:`, blanks between its parts; nil when there is none with a
  /// known name.
  static func statedIdentifier(in bytes: UnsafeBufferPointer<UInt8>) -> String? {
    var start: Int?
    tag.scan(bytes) { _, end in start = start ?? end }
    guard let start else { return nil }
    let text = SecretText(bytes)
    let line = text[start..<text.lineEnd(from: start, limit: 300)]
    // Names and operators in turn, of known names only: whatever else stands on the line may be a secret.
    var words: [String] = []
    for word in String(decoding: line, as: UTF8.self).split(whereSeparator: { " \t\r()".contains($0) }) {
      guard word.utf8.allSatisfy({ ByteSet.licenceName.contains($0) }) else { break }
      if words.count % 2 == 0 {
        guard let name = LicenceNames.known(word) else { break }
        words.append(name)
      } else {
        guard LicenceExpression.operators.contains(String(word)) else { break }
        words.append(word.uppercased())
      }
    }
    if words.count % 2 == 0 { words = words.dropLast() }
    return words.isEmpty ? nil : words.joined(separator: " ")
  }

  private static let tag = KeywordAutomaton([Array("spdx-license-identifier:".utf8)])
}

/// A notice in small letters, asked for phrases byte by byte: notices are at the top of most files, and strings would be
/// searched by characters.
private struct NoticeText {
  let bytes: [UInt8]

  var count: Int { bytes.count }

  func contains(_ phrase: String) -> Bool {
    var phrase = phrase
    return phrase.withUTF8 { wanted in
      bytes.withUnsafeBufferPointer { ByteSearch.first(of: wanted, in: $0) != nil }
    }
  }

  func prefix(_ count: Int) -> NoticeText { NoticeText(bytes: Array(bytes.prefix(count))) }
}

/// SPDX expressions such as `MIT OR GPL-2.0-only WITH Classpath-exception-2.0`.
enum LicenceExpression {
  static let operators: Set<String> = ["OR", "AND", "WITH", "or", "and", "with"]

  /// Whether a file under this expression may be used: of licences joined by OR one must be allowed, of those joined by
  /// AND all. AND binds more tightly; parentheses do not survive the reading of a notice, and where they would matter
  /// the stricter reading is no looser than theirs.
  static func isAllowed(_ expression: String, denied: Set<String>) -> Bool {
    guard !denied.isEmpty else { return true }
    let words = expression.split(separator: " ").map(String.init)
    return words.split(whereSeparator: { $0.uppercased() == "OR" }).contains { alternative in
      let names = alternative.split { ["AND", "WITH"].contains($0.uppercased()) }.joined()
      return !names.contains { name in denied.contains { matches(name, $0) } }
    }
  }

  /// Whether a name is the one denied, one of a family that ends with `-`, or the same with "later" said.
  private static func matches(_ name: String, _ denied: String) -> Bool {
    let name = name.lowercased()
    let denied = denied.lowercased()
    if denied.hasSuffix("-") { return name.hasPrefix(denied) }
    return name == denied || ["-only", "-or-later", "+"].contains { name == denied + $0 }
  }
}

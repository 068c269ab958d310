import Syntax

/// Rules that keep text which nobody wrote by hand, or which is no code, out of the corpus.
public struct FileHygiene: Sendable {
  /// Larger files are not even opened.
  public static let maximumBytes = 1 << 20

  /// Changes with every change of the rules: what was found out about a file under another version is not true any more.
  public static let version = 2

  /// Larger files are not even opened: a megabyte, more for notebooks, which hold pictures beside their code.
  public static func maximumBytes(of path: String) -> Int {
    Notebook.isOne(path) ? Notebook.maximumBytes : maximumBytes
  }

  /// Programming languages without a grammar here, carved by indentation.
  private static let otherCode: Set<String> = [
    "scala", "groovy", "gradle", "fs", "vb", "pl", "pm", "r", "jl", "ex",
    "exs",
    "erl", "hrl", "hs", "ml", "mli", "clj", "cljs", "dart", "nim", "d", "m", "mm", "cu", "cuh", "cl",
    "glsl",
    "zsh", "fish", "ps1", "sql", "proto", "thrift", "cmake", "mk", "nix", "tf", "vue", "svelte",
    "el",
    "lisp", "scm", "rkt", "tcl", "v", "sv", "vhd", "f90", "f95", "pas", "adb", "ads", "s", "asm", "vim",
    "awk",
  ]
  private static let otherCodeNames: Set<String> = [
    "Makefile", "GNUmakefile", "CMakeLists.txt", "Dockerfile", "Justfile",
  ]

  private let catalog: LanguageCatalog
  private let options: HygieneOptions
  private let scanner: SecretScanner

  /// Rules that know the catalog's languages.
  public init(catalog: LanguageCatalog, options: HygieneOptions = HygieneOptions()) {
    self.catalog = catalog
    self.options = options
    scanner = SecretScanner(findsPersonalData: options.redactsPersonalData)
  }

  /// Decides about a file by its path and its contents; what is taken holds no secrets and no personal data.
  ///
  /// The bytes keep their length and their lines: secrets become placeholders, everything else, byte order mark and
  /// line ends too, stays as it is. Of a notebook the bytes are the code of its cells (see `Notebook`): offsets are
  /// offsets in that text. Linear in the length of the file; safe to call from any thread.
  public func clean(path: String, bytes: [UInt8]) -> Result<SourceFile, SkippedFile> {
    if let fault = fault(path: path, size: bytes.count) { return .failure(fault) }
    if let fault = TextEncoding.fault(in: bytes) { return .failure(fault) }
    if Notebook.isOne(path) {
      return Notebook.code(in: bytes).flatMap { code in
        guard code.text.count <= Self.maximumBytes else {
          return .failure(SkippedFile(.tooLarge, "\(code.text.count) bytes of code"))
        }
        let language = catalog.names.contains(code.language) ? code.language : SourceFile.textLanguage
        return clean(path, language: language, bytes: code.text)
      }
    }
    guard let language = language(of: path, contents: bytes) else {
      return .failure(SkippedFile(.notSource, "no known programming language"))
    }
    return clean(path, language: language, bytes: bytes)
  }

  private func clean(_ path: String, language: String, bytes: [UInt8]) -> Result<SourceFile, SkippedFile> {
    if let fault = bytes.withUnsafeBufferPointer({ fault(in: $0, language: language) }) {
      return .failure(fault)
    }
    var text = bytes
    let redactions = scanner.redact(&text)
    // What a notice states is told in reports: it is read where no secret stands any more.
    let licence = text.withUnsafeBufferPointer {
      LicenceHeader.find(in: $0, style: commentStyle(of: language))
    }
    if let name = licence?.spdx, !LicenceExpression.isAllowed(name, denied: options.deniedLicences) {
      return .failure(SkippedFile(.licence, name))
    }
    // A list of addresses may be nothing else once they are gone.
    if !redactions.isEmpty, let fault = text.withUnsafeBufferPointer({ fault(in: $0, language: language) }) {
      return .failure(fault)
    }
    return .success(
      SourceFile(path: path, language: language, bytes: text, redactions: redactions, licence: licence))
  }

  /// Replaces secrets and personal data in text that is not taken as a file, such as the older state of one.
  ///
  /// - Returns: where placeholders of the same length stand now.
  public func redact(_ bytes: inout [UInt8]) -> [SourceFile.Redaction] {
    scanner.redact(&bytes)
  }

  private func commentStyle(of language: String) -> LicenceHeader.CommentStyle {
    catalog.language(named: language).map(LicenceHeader.CommentStyle.init) ?? .generic
  }

  /// Why a path alone, with the size of its file, keeps it out; nil to go on.
  public func fault(path: String, size: Int) -> SkippedFile? {
    let parts = path.split(separator: "/")
    let name = parts.last.map(String.init) ?? path
    if let folder = parts.dropLast().first(where: { Self.isVendored(folder: String($0)) }) {
      return SkippedFile(.vendored, "in a folder \(folder)")
    }
    if KnownNames.isLockFile(name: name) { return SkippedFile(.lockFile, "by its name") }
    if KnownNames.isGenerated(name: name) { return SkippedFile(.generated, "by its name") }
    if size > Self.maximumBytes(of: path) { return SkippedFile(.tooLarge, "\(size) bytes") }
    if size > options.maximumFixtureBytes, !Notebook.isOne(path), KnownNames.isFixture(parts) {
      return SkippedFile(.fixture, "test data of \(size) bytes")
    }
    if tellsSecret(path) { return SkippedFile(.secretInPath, "a secret or personal data in its path") }
    return nil
  }

  /// Whether a path holds a secret or a personal datum.
  private func tellsSecret(_ path: String) -> Bool {
    !scanner.findings(in: Self.withoutSuffix(path)).isEmpty
  }

  /// A path as reports may show it: placeholders where secrets and personal data stand.
  public func shownPath(_ path: String) -> String {
    var bytes = Self.withoutSuffix(path)
    let suffix = path.utf8.dropFirst(bytes.count)
    return scanner.redact(&bytes).isEmpty ? path : String(decoding: bytes + suffix, as: UTF8.self)
  }

  /// A file's suffix is no end of an address: `icon@2x.py`, and none of a name: `somebody@their.company.py`.
  private static func withoutSuffix(_ path: String) -> [UInt8] {
    let name = path.split(separator: "/").last ?? ""
    return Array(path.utf8.dropLast(name.lastIndex(of: ".").map { name[$0...].utf8.count } ?? 0))
  }

  /// Whether a folder holds other people's code or build products, by its name.
  public static func isVendored(folder: String) -> Bool {
    KnownNames.isVendored(folder: folder)
  }

  /// The language of a file, "text" for code without a grammar, nil for everything else.
  public func language(of path: String, contents: [UInt8]) -> String? {
    if let name = catalog.name(forPath: path, contents: contents) { return name }
    let file = path.split(separator: "/").last.map(String.init) ?? path
    if Self.otherCodeNames.contains(file) { return SourceFile.textLanguage }
    guard let dot = file.lastIndex(of: "."), dot != file.startIndex else { return nil }
    return Self.otherCode.contains(file[file.index(after: dot)...].lowercased())
      ? SourceFile.textLanguage : nil
  }

  /// Whether the name alone may be a source file: files without a suffix are opened to look for an interpreter line.
  public func mayBeSource(_ path: String) -> Bool {
    let file = path.split(separator: "/").last ?? ""
    return language(of: path, contents: []) != nil || !file.contains(".") || Notebook.isOne(path)
  }

  /// Whether a file's name says that a program wrote it.
  public static func isGenerated(name: String) -> Bool {
    KnownNames.isGenerated(name: name) || KnownNames.isLockFile(name: name)
  }

  /// Why text in a language is not what somebody wrote; nil to take it.
  private func fault(in bytes: UnsafeBufferPointer<UInt8>, language: String) -> SkippedFile? {
    let words = Repetition(bytes, limits: options.maximumRepeatedShares)
    let shape = TextShape(bytes, words: words, longLine: options.maximumLine)
    if let fault = shape.fault(options, language: language) { return fault }
    if GeneratedMarker.isIn(bytes, language: language) {
      return SkippedFile(.generated, "a comment at the top says so")
    }
    if language != "html", SecretText(bytes).has("<?xml", at: 0) {
      return SkippedFile(.data, "an XML document")
    }
    if let excess = words.excess(in: bytes) {
      return SkippedFile(
        .repetitive, "one sequence of \(excess.words) words is \(TextShape.percent(excess.share)) of it")
    }
    return nil
  }
}

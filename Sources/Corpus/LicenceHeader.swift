import Syntax

/// The licence notice that many files begin with, found by its comment signs, without a parse.
enum LicenceHeader {
  /// Where comments begin and end.
  struct CommentStyle: Sendable {
    let lines: [[UInt8]]
    let blocks: [(open: [UInt8], close: [UInt8])]

    /// Signs of languages that we know nothing about.
    static let generic = CommentStyle(
      lines: ["#", "//", "--", ";", "%"],
      blocks: [("/*", "*/"), ("<!--", "-->"), ("\"\"\"", "\"\"\""), ("'''", "'''")])

    init(lines: [String], blocks: [(String, String)]) {
      self.lines = lines.map { Array($0.utf8) }
      self.blocks = blocks.map { (Array($0.0.utf8), Array($0.1.utf8)) }
    }

    /// The signs of a language; long strings stand for comments where the language has no block comment.
    init(_ language: Language) {
      guard language.lineComment != nil || language.blockComment != nil else {
        self = .generic
        return
      }
      let long = language.name == "python" ? [("\"\"\"", "\"\"\""), ("'''", "'''")] : []
      self.init(
        lines: language.lineComment.map { [$0] } ?? [],
        blocks: (language.blockComment.map { [($0.open, $0.close)] } ?? []) + long)
    }
  }

  /// No notice is longer, and none begins later.
  private static let maximumBytes = 24_000
  private static let words = KeywordAutomaton(
    [
      "copyright", "spdx-license-identifier", "licensed under", "license, version", "all rights reserved",
      "\u{A9}",
      "(c) 19", "(c) 20", "mit license", "bsd license", "apache license", "@license", "gnu general public",
      "public domain", "redistribution and use", "permission is hereby granted", "mozilla public",
      "free of known copyright", "psf license", "licence:", "license:", "under the terms of",
    ].map { Array($0.utf8) })

  /// The notice at the top: the comments that speak of a licence, behind a byte order mark and an interpreter line, with
  /// the SPDX identifier that they state or that their words tell.
  static func find(in bytes: UnsafeBufferPointer<UInt8>, style: CommentStyle) -> SourceFile.LicenceNotice? {
    let text = SecretText(bytes)
    var range: Range<Int>?
    for comment in comments(text, style: style) where speaks(of: comment, in: bytes) {
      range = (range?.lowerBound ?? comment.lowerBound)..<comment.upperBound
    }
    guard let range else { return nil }
    let notice = UnsafeBufferPointer(rebasing: bytes[range])
    return SourceFile.LicenceNotice(
      range: range, spdx: LicenceText.statedIdentifier(in: notice) ?? LicenceText.identify(notice))
  }

  private static func speaks(of comment: Range<Int>, in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var found = false
    words.scan(UnsafeBufferPointer(rebasing: bytes[comment])) { _, _ in found = true }
    return found
  }

  /// The comments before the first code, each a block or lines without a blank line between them.
  private static func comments(_ text: SecretText, style: CommentStyle) -> [Range<Int>] {
    var comments: [Range<Int>] = []
    var index = preamble(text)
    let limit = min(text.count, maximumBytes)
    var joins = false
    while index < limit {
      let byte = text[index]
      if byte == 0x0A {
        // A second line break in a row ends a paragraph of line comments.
        let next = text.run(from: index + 1, of: .lineSpace, limit: 400)
        joins = joins && text[next] != 0x0A
        index += 1
      } else if byte == 0x20 || byte == 0x09 || byte == 0x0D {
        index += 1
      } else if let block = style.blocks.first(where: { starts(text, $0.open, at: index) }) {
        guard let end = close(of: block, at: index, in: text, limit: limit) else { break }
        comments.append(index..<end)
        joins = false
        index = end
      } else if style.lines.contains(where: { starts(text, $0, at: index) }) {
        let end = text.lineEnd(from: index, limit: limit)
        let trimmed = end > index && text[end - 1] == 0x0D ? end - 1 : end
        if isEditorLine(text, index..<end) {
          joins = false
        } else if joins, let last = comments.last {
          comments[comments.count - 1] = last.lowerBound..<trimmed
        } else {
          comments.append(index..<trimmed)
          joins = true
        }
        index = end
      } else {
        break
      }
    }
    return comments
  }

  /// Behind a byte order mark, an interpreter line, `<?php` and the declarations at the top of markup.
  private static func preamble(_ text: SecretText) -> Int {
    var index = text.has("\u{FEFF}", at: 0) ? 3 : 0
    if text.has("#!", at: index) { index = text.lineEnd(from: index, limit: 500) }
    for _ in 0..<3 {
      let next = text.run(from: index, of: .white, limit: 400)
      guard text.has("<?", at: next) || text.has("<!D", at: next) || text.has("<!d", at: next) else { break }
      index = text.lineEnd(from: next, limit: 500)
    }
    return index
  }

  private static func starts(_ text: SecretText, _ sign: [UInt8], at index: Int) -> Bool {
    index + sign.count <= text.count && text[index..<(index + sign.count)].elementsEqual(sign)
  }

  private static func close(
    of block: (open: [UInt8], close: [UInt8]), at start: Int, in text: SecretText, limit: Int
  ) -> Int? {
    guard let last = block.close.last else { return nil }
    var index = start + block.open.count
    while index < limit {
      if text[index] == last, index + 1 - block.close.count >= start + block.open.count,
        starts(text, block.close, at: index + 1 - block.close.count)
      {
        return index + 1
      }
      index += 1
    }
    return nil
  }

  /// `# -*- coding: utf-8 -*-`, `// vim: …`: not part of what speaks of a licence.
  private static func isEditorLine(_ text: SecretText, _ line: Range<Int>) -> Bool {
    guard line.count < 120 else { return false }
    return text.has("-*-", within: line) || text.has("coding:", within: line)
      || text.has("coding=", within: line) || text.has("vim:", within: line)
  }
}

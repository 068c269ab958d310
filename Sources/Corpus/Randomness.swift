import Foundation

/// How a value tells a secret from a word: entropy, words in it, placeholders.
enum Randomness {
  /// Shannon's entropy of the bytes, in bits per byte.
  static func entropy(_ bytes: some Collection<UInt8>) -> Double {
    guard !bytes.isEmpty else { return 0 }
    return withUnsafeTemporaryAllocation(of: UInt16.self, capacity: 256) { counts in
      counts.initialize(repeating: 0)
      for byte in bytes { counts[Int(byte)] &+= 1 }
      let total = Double(bytes.count)
      var sum = 0.0
      for count in counts where count > 0 {
        let share = Double(count) / total
        sum -= share * log2(share)
      }
      return sum
    }
  }

  /// The most bits per byte that a text of this length can have.
  static func bits(_ count: Int) -> Double {
    log2(Double(max(1, count)))
  }

  /// How much more likely letters stand as they do in words and identifiers than at random, in nats; digits and signs say
  /// nothing.
  ///
  /// Pairs of letters that are common in identifiers (190 of 676) make up 0.85 of the pairs of words and 0.28 of those of
  /// random letters; the logarithm of the ratio of the likelihoods follows.
  static func wordEvidence(_ bytes: some Collection<UInt8>) -> Double {
    var common = 0
    var rare = 0
    var before: UInt8 = 26
    for byte in bytes {
      let letter = (byte | 0x20) &- 0x61
      if letter < 26, before < 26 {
        if pairs[Int(before)] >> UInt32(letter) & 1 == 1 { common += 1 } else { rare += 1 }
      }
      before = letter < 26 ? letter : 26
    }
    return 1.11 * Double(common) - 1.57 * Double(rare)
  }

  /// For every letter the letters that often follow it in words, as bits; counted in the Python standard library.
  private static let pairs: [UInt32] = [
    "bcdgiklmnprstu", "aelou", "aehiklortu", "adeiosu", "acdefglmnprstvx", "aefioru", "eis", "aeio",
    "abcdefglmnoprstvz", "", "e", "adeilostuy", "aeiop", "acdegiostu", "bcdlmnoprstuvw", "aeiloprty", "u",
    "acdegimnorstuy", "acehiopstuy", "aehiorstuy", "beilmnprst", "aei", "ahir", "cet", "pt", "e",
  ].map { $0.utf8.reduce(0) { $0 | 1 << UInt32($1 - 0x61) } }

  private static let placeholders: [[UInt8]] = [
    "example", "changeme", "change-me", "change_me", "your", "xxxx", "placeholder", "dummy", "sample",
    "redacted",
    "insert", "replace", "****", "....", "----", "____", "abcdefg", "1234567", "7654321", "qwerty", "foobar",
    "password", "passwd", "fake", "todo", "not-a-", "notareal", "deadbeef", "000000", "aaaaaa", "lorem",
  ].map { Array($0.utf8) }
  private static let templateSigns: [[UInt8]] = ["${", "{{", "$(", "%(", "<", ">"].map { Array($0.utf8) }

  /// Whether a value says itself that it is none: `YOUR_API_KEY`, `xxxx`, `changeme`, a template's hole.
  ///
  /// - Parameter signsCount: whether the signs of templates say so too; random text may hold them.
  static func isPlaceholder(_ bytes: some Collection<UInt8>, signsCount: Bool = true) -> Bool {
    let folded = bytes.prefix(256).map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }
    guard Set(folded).count >= 5 else { return true }
    return placeholders.contains { contains($0, in: folded) }
      || signsCount && templateSigns.contains { contains($0, in: folded) }
  }

  private static func contains(_ needle: [UInt8], in text: [UInt8]) -> Bool {
    guard text.count >= needle.count else { return false }
    for start in 0...(text.count - needle.count) where text[start] == needle[0] {
      if text[start..<(start + needle.count)].elementsEqual(needle) { return true }
    }
    return false
  }
}

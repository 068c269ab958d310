import Carving
import Numerics

/// How likely a hole ends here, seen from the bytes on both sides: the baseline's counterpart of the end token.
///
/// Counts "the hole ended" against "it went on" in contexts of 0, 1, 2 and 4 bytes on each side, and interpolates from short to
/// long. Trained on holes carved from the training tree.
struct StopModel: Sendable {
  private static let contextLengths = [0, 1, 2, 4]
  /// Weight of the shorter context's answer, in observations.
  private static let priorStrength = 4.0
  private var ended = CountTable()
  private var seen = CountTable()

  init(examples: [FIMExample]) {
    for example in examples {
      let text = Array(example.prefix.utf8) + Array(example.middle.utf8)
      let suffix = Array(example.suffix.utf8.prefix(4))
      for position in (text.count - example.middle.utf8.count)...text.count {
        for length in Self.contextLengths {
          let key = Self.key(text, position, suffix, length)
          seen.add(key)
          if position == text.count { ended.add(key) }
        }
      }
    }
  }

  /// The probability that the hole ends before `text[position]`, where `suffix` follows the hole; in (0, 1).
  func probability(of text: [UInt8], endingAt position: Int, suffix: [UInt8]) -> Double {
    var probability = 0.02
    for length in Self.contextLengths {
      let key = Self.key(text, position, suffix, length)
      let total = Double(seen.count(of: key))
      guard total > 0 else { break }
      probability =
        (Double(ended.count(of: key)) + Self.priorStrength * probability) / (total + Self.priorStrength)
    }
    return probability
  }

  private static func key(_ text: [UInt8], _ position: Int, _ suffix: [UInt8], _ length: Int) -> UInt64 {
    var hash = UInt64(length) &+ 0xD1B5_4A32_D192_ED03
    for distance in 0..<length {
      let left = position > distance ? UInt64(text[position - distance - 1]) : 256
      let right = distance < suffix.count ? UInt64(suffix[distance]) : 256
      hash = SeededRandom.spread(hash ^ (left << 9 | right) &* 0x9E37_79B9_7F4A_7C15)
    }
    return hash
  }
}

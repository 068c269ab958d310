/// A set of ASCII bytes; asking it costs a shift.
struct ByteSet: Sendable, Equatable {
  private var low: UInt64 = 0
  private var high: UInt64 = 0

  /// A set as its bits.
  private init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// Reads `A-Za-z0-9_` as in a regular expression's brackets; a `-` at the end stands for itself.
  init(_ description: String) {
    let bytes = Array(description.utf8)
    var index = 0
    while index < bytes.count {
      if index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "-"), bytes[index] <= bytes[index + 2] {
        for byte in bytes[index]...bytes[index + 2] { insert(byte) }
        index += 3
      } else {
        insert(bytes[index])
        index += 1
      }
    }
  }

  private mutating func insert(_ byte: UInt8) {
    if byte < 64 { low |= 1 << UInt64(byte) } else if byte < 128 { high |= 1 << UInt64(byte - 64) }
  }

  @inline(__always)
  func contains(_ byte: UInt8) -> Bool {
    let word = byte < 64 ? low : high
    return byte < 128 && word >> UInt64(byte & 63) & 1 == 1
  }

  // Asked for every byte of every file: constants in the code, while those below are looked up.

  /// `A-Za-z0-9_`
  static var word: ByteSet { ByteSet(low: 0x03FF_0000_0000_0000, high: 0x07FF_FFFE_87FF_FFFE) }
  /// `A-Za-z0-9`
  static var alphanumeric: ByteSet { ByteSet(low: 0x03FF_0000_0000_0000, high: 0x07FF_FFFE_07FF_FFFE) }
  /// `0-9`
  static var digits: ByteSet { ByteSet(low: 0x03FF_0000_0000_0000, high: 0) }
  static let hex = ByteSet("0-9a-f")
  static let anyHex = ByteSet("0-9a-fA-F")
  static let urlSafe = ByteSet("A-Za-z0-9_-")
  static let base64 = ByteSet("A-Za-z0-9+/=")
  static let base32 = ByteSet("A-Z2-7")
  static let upper = ByteSet("A-Z0-9")
  static let blank = ByteSet(" \t")
}

/// Sets that matchers of secrets ask for; made once, since making one reads its description.
extension ByteSet {
  static let nameTail = ByteSet("A-Za-z0-9_.-")
  static let openers = ByteSet(" \t([")
  static let continuers = ByteSet("-+ \t")
  static let lineLead = ByteSet(" \t#*/+")
  static let stringPrefixes = ByteSet("bBrRuUfFL@$&")
  static let typeName = ByteSet("A-Za-z0-9_.<>[]?*&:")
  static let callSpace = ByteSet(" \t(")
  static let bareValue = ByteSet("A-Za-z0-9_+/=.~!@#%^*:-")
  static let sentenceEnds = ByteSet(".:!")
  static let brackets = ByteSet("([{")
  static let keyTitle = ByteSet("A-Z0-9 ")
  static let dashes = ByteSet("- ")
  static let breakEscapes = ByteSet("nr")
  static let codeSigns = ByteSet("(){}[];:,.")
  static let spaceEscapes = ByteSet("ntr")
  static let codeBehind = ByteSet("([@_=")
  static let versionSigns = ByteSet("~^")
  static let comparison = ByteSet("=<>!~")
  static let operands = ByteSet("A-Za-z0-9_)].+")
  static let phoneSpace = ByteSet(" ()-")
  static let valueLeads = ByteSet("\"'`:>")
  static let arithmetic = ByteSet(" +*/")
  static let capitals = ByteSet("A-Z")
  static let bareBase64 = ByteSet("A-Za-z0-9/+")
  static let uuid = ByteSet("0-9a-fA-F-")
  static let bearer = ByteSet("A-Za-z0-9_.~+/=-")
  static let urlUser = ByteSet("A-Za-z0-9_.%+~$!*,;=&-")
  static let urlSecret = ByteSet("A-Za-z0-9_.%+~$!*,;=&:#?^()|-")
  static let hostStart = ByteSet("A-Za-z0-9[{$%")
  static let lineSpace = ByteSet(" \t\r")
  static let white = ByteSet(" \t\r\n")
  static let licenceName = ByteSet("A-Za-z0-9.:+-")
}

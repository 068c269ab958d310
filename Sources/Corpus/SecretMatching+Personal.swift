extension SecretMatching {
  private static let atomSet = ByteSet("A-Za-z0-9_.%+-")
  private static let domainSet = ByteSet("A-Za-z0-9.-")
  /// Local parts that belong to nobody.
  private static let impersonal: Set<String> = [
    "git", "hg", "svn", "noreply", "no-reply", "donotreply", "do-not-reply", "user", "username", "you",
    "your",
    "name", "email", "example", "nobody", "root", "localhost",
  ]
  /// Last labels that are reserved for examples (RFC 2606), or that name files and attributes rather than domains.
  private static let noDomains: Set<String> = [
    "example", "test", "invalid", "localhost", "local", "png", "jpg", "jpeg", "gif", "svg", "webp", "ico",
    "css",
    "js", "ts", "tsx", "jsx", "json", "html", "py", "rb", "go", "rs", "swift", "java", "yml", "yaml", "md",
    "txt",
    "service", "git",
  ]

  /// An address of somebody: not an example's, not a robot's.
  func email() -> SecretScanner.Finding? {
    var head = text.run(before: start, of: Self.atomSet, limit: 65)
    while head < start, !ByteSet.alphanumeric.contains(text[head]) { head += 1 }
    // In "\nname@…" the first letter belongs to the escape.
    if text[head - 1] == UInt8(ascii: "\\"), ByteSet.spaceEscapes.contains(text[head]) { head += 1 }
    guard (1...64).contains(start - head), text[head - 1] != UInt8(ascii: "@") else { return nil }
    if text[head - 1] == UInt8(ascii: "/"), text[head - 2] == UInt8(ascii: "/") { return nil }
    var tail = text.run(from: end, of: Self.domainSet, limit: 254)
    while tail > end, !ByteSet.alphanumeric.contains(text[tail - 1]) { tail -= 1 }
    guard tail - end >= 4, ByteSet.alphanumeric.contains(text[end]) else { return nil }
    // A call, an index or another word part: code, not an address.
    guard !ByteSet.codeBehind.contains(text[tail]) else { return nil }
    let labels = text[end..<tail].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard labels.count >= 2, let last = labels.last, (2...24).contains(last.count),
      last.allSatisfy({ $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }), labels.allSatisfy({ !$0.isEmpty })
    else { return nil }
    let names = labels.map { String(decoding: $0, as: UTF8.self).lowercased() }
    let local = String(decoding: text[head..<start], as: UTF8.self).lowercased()
    guard !Self.noDomains.contains(names[names.count - 1]), names[names.count - 2] != "example",
      !(names.count > 2 && names[names.count - 3] == "noreply"), names.first != "noreply",
      !Self.impersonal.contains(local), !local.contains("noreply"), !local.contains("no-reply")
    else { return nil }
    return SecretScanner.Finding(rule.name, head..<tail)
  }

  /// What begins with a digit and is somebody's: an IP address, a phone, card or account number.
  func personalNumber() -> SecretScanner.Finding? {
    let before = text[start - 1]
    if before == UInt8(ascii: "+") { return phone() }
    if before >= 0x41, before <= 0x5A { return iban() }
    guard !ByteSet.word.contains(before), before != UInt8(ascii: "."), before != UInt8(ascii: "-") else {
      return nil
    }
    return ipv4() ?? ipv6() ?? card()
  }

  // MARK: Addresses

  private func ipv4() -> SecretScanner.Finding? {
    var octets: [Int] = []
    var index = start
    while octets.count < 4 {
      let tail = text.run(from: index, of: .digits, limit: 4)
      guard (1...3).contains(tail - index), let value = number(index..<tail), value < 256 else { return nil }
      if tail - index > 1, text[index] == UInt8(ascii: "0") { return nil }
      octets.append(value)
      index = tail
      if octets.count < 4 {
        guard text[index] == UInt8(ascii: ".") else { return nil }
        index += 1
      }
    }
    let isLonger = text[index] == UInt8(ascii: ".") && ByteSet.alphanumeric.contains(text[index + 1])
    guard !ByteSet.word.contains(text[index]), !isLonger,
      text[index] != UInt8(ascii: "-") || !ByteSet.word.contains(text[index + 1]),
      octets[3] != 0, text[index] != UInt8(ascii: "/") || !ByteSet.digits.contains(text[index + 1]),
      Self.isPublic(octets), !looksLikeVersion(octets)
    else { return nil }
    return SecretScanner.Finding("ipv4-address", start..<index)
  }

  /// Not private, loopback, link-local, shared, for documentation, for benchmarks, multicast or reserved (RFC 6890).
  private static func isPublic(_ octets: [Int]) -> Bool {
    switch (octets[0], octets[1], octets[2]) {
    case (0, _, _), (10, _, _), (127, _, _), (224..., _, _): false
    case (100, 64...127, _), (169, 254, _), (172, 16...31, _), (192, 168, _), (198, 18...19, _): false
    case (192, 0, 0), (192, 0, 2), (192, 88, 99), (198, 51, 100), (203, 0, 113): false
    default: true
    }
  }

  /// Four small numbers, resolvers known to everybody, or a sign of a version before them.
  private func looksLikeVersion(_ octets: [Int]) -> Bool {
    if octets.allSatisfy({ $0 == octets[0] }) { return true }
    if octets.allSatisfy({ $0 <= 20 }) || octets == [8, 8, 4, 4] || octets == [9, 9, 9, 9] { return true }
    let before = text[start - 1]
    if before == UInt8(ascii: "/"), ByteSet.word.contains(text[start - 2]) { return true }
    if ByteSet.versionSigns.contains(before) { return true }
    if before == UInt8(ascii: "="), ByteSet.comparison.contains(text[start - 2]) { return true }
    let around = text[max(0, start - 32)..<start]
    let words = String(decoding: around, as: UTF8.self).lowercased()
    return ["version", "release", "oid", "chapter", "section", "rfc"].contains { words.contains($0) }
  }

  /// A global unicast address, 2000::/3 without the ranges for documentation.
  private func ipv6() -> SecretScanner.Finding? {
    guard text[start] == UInt8(ascii: "2") || text[start] == UInt8(ascii: "3"),
      text[start - 1] != UInt8(ascii: ":")
    else { return nil }
    var groups: [Range<Int>] = []
    var hasGap = false
    var index = start
    while groups.count < 8 {
      let tail = text.run(from: index, of: .anyHex, limit: 5)
      guard tail - index <= 4 else { return nil }
      if tail == index { break }
      groups.append(index..<tail)
      index = tail
      guard text[index] == UInt8(ascii: ":") else { break }
      if text[index + 1] == UInt8(ascii: ":") {
        if hasGap { return nil }
        hasGap = true
        index += 2
      } else if ByteSet.anyHex.contains(text[index + 1]) {
        index += 1
      } else {
        break
      }
    }
    guard let first = groups.first, first.count == 4,
      hasGap ? (2...7).contains(groups.count) : groups.count == 8,
      !ByteSet.word.contains(text[index]), text[index] != UInt8(ascii: ":")
    else { return nil }
    // A prefix is a network, not a host.
    if text[index] == UInt8(ascii: "/"), ByteSet.digits.contains(text[index + 1]) { return nil }
    let head = groups.prefix(2).map { Int(String(decoding: text[$0], as: UTF8.self), radix: 16) ?? 0 }
    let second = head.count > 1 ? head[1] : 0
    // For documentation, and for protocols (RFC 6890).
    if head[0] == 0x3FFF || (head[0] == 0x2001 && (second == 0xDB8 || second < 0x200)) { return nil }
    return SecretScanner.Finding("ipv6-address", start..<index)
  }

  private func number(_ range: Range<Int>) -> Int? {
    range.reduce(0) { $0 * 10 + Int(text[$1]) - 0x30 }
  }

  // MARK: Numbers

  /// `+49 30 1234567`: the international form, in groups or between quotes.
  private func phone() -> SecretScanner.Finding? {
    let head = start - 1
    guard text[start] != UInt8(ascii: "0"), !ByteSet.operands.contains(text[head - 1]) else {
      return nil
    }
    var groups: [Range<Int>] = []
    var index = start
    while groups.count < 7 {
      let tail = text.run(from: index, of: .digits, limit: 16)
      guard tail > index else { break }
      groups.append(index..<tail)
      index = tail
      let next = text.run(from: index, of: .phoneSpace, limit: 3)
      guard next > index, next - index <= 2, ByteSet.digits.contains(text[next]) else { break }
      index = next
    }
    guard let last = groups.last else { return nil }
    let digits = groups.reduce(0) { $0 + $1.count }
    guard (10...15).contains(digits), !ByteSet.word.contains(text[last.upperBound]),
      text[last.upperBound] != UInt8(ascii: ".") || !ByteSet.digits.contains(text[last.upperBound + 1])
    else { return nil }
    if groups.count == 1 {
      // In code a plus sign before a number is arithmetic, unless the text is all of a string.
      guard ByteSet.valueLeads.contains(text[head - 1]),
        !ByteSet.arithmetic.contains(text[last.upperBound]) || text[head - 1] == UInt8(ascii: ":")
      else { return nil }
    } else {
      guard groups.count >= 3, groups[0].count <= 3, groups.dropFirst().allSatisfy({ $0.count <= 8 }),
        groups.dropFirst().contains(where: { $0.count >= 3 })
      else { return nil }
    }
    // 555 is nobody's exchange.
    let isFiction = groups.contains { $0.count == 3 && text[$0].elementsEqual("555".utf8) }
    guard !isFiction, Set(text[head..<last.upperBound]).count >= 4 else { return nil }
    return SecretScanner.Finding("phone-number", head..<last.upperBound)
  }

  /// 13 to 19 digits, possibly in groups, of an issuer's range and length, with Luhn's check digit.
  private func card() -> SecretScanner.Finding? {
    var digits: [Int] = []
    var index = start
    var separator: UInt8 = 0
    var groups = 0
    while digits.count < 20 {
      let tail = text.run(from: index, of: .digits, limit: 20)
      guard tail > index else { break }
      digits += text[index..<tail].map { Int($0) - 0x30 }
      groups += 1
      index = tail
      let next = text[index]
      guard next == UInt8(ascii: " ") || next == UInt8(ascii: "-"), separator == 0 || next == separator,
        ByteSet.digits.contains(text[index + 1]), groups < 5
      else { break }
      separator = next
      index += 1
    }
    guard !ByteSet.word.contains(text[index]),
      text[index] != UInt8(ascii: ".") || !ByteSet.digits.contains(text[index + 1]),
      groups == 1 || (3...5).contains(groups), Self.isIssued(digits), Self.passesLuhn(digits),
      Set(digits).count >= 2
    else { return nil }
    return SecretScanner.Finding("payment-card", start..<index)
  }

  /// Whether an issuer gives out numbers that begin so and are so long.
  private static func isIssued(_ digits: [Int]) -> Bool {
    guard digits.count >= 13 else { return false }
    let two = digits[0] * 10 + digits[1]
    let four = two * 100 + digits[2] * 10 + digits[3]
    switch digits.count {
    case 13: return false
    case 14: return two == 36 || two == 38 || (300...305).contains(four / 10)
    case 15: return two == 34 || two == 37
    case 16:
      return digits[0] == 4 || (51...55).contains(two) || (2_221...2_720).contains(four) || four == 6_011
        || two == 65 || (3_528...3_589).contains(four)
    default: return false
    }
  }

  private static func passesLuhn(_ digits: [Int]) -> Bool {
    var sum = 0
    for (place, digit) in digits.reversed().enumerated() {
      let doubled = digit * 2
      sum += place % 2 == 0 ? digit : doubled > 9 ? doubled - 9 : doubled
    }
    return sum % 10 == 0
  }

  /// Lengths of account numbers by country (SWIFT's registry).
  private static let ibanLengths: [String: Int] = [
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29,
    "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24,
    "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28,
    "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21,
    "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31,
    "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22,
    "VG": 24,
    "XK": 20,
  ]

  /// Country, check digits and account, possibly in groups of four; the whole is 1 modulo 97 (ISO 13616).
  private func iban() -> SecretScanner.Finding? {
    let head = start - 2
    guard head >= 0, !ByteSet.word.contains(text[head - 1]), ByteSet.capitals.contains(text[head]),
      let wanted = Self.ibanLengths[String(decoding: text[head..<start], as: UTF8.self)]
    else { return nil }
    var symbols: [UInt8] = []
    var index = head
    while symbols.count < wanted, index < text.count {
      let byte = text[index]
      if ByteSet.upper.contains(byte) {
        symbols.append(byte)
      } else if byte != UInt8(ascii: " ") || text[index - 1] == byte {
        return nil
      }
      index += 1
    }
    guard symbols.count == wanted, !ByteSet.word.contains(text[index]) else { return nil }
    var rest = 0
    for symbol in symbols[4...] + symbols[..<4] {
      rest =
        symbol >= 0x41 ? (rest * 100 + Int(symbol) - 0x41 + 10) % 97 : (rest * 10 + Int(symbol) - 0x30) % 97
    }
    return rest == 1 ? SecretScanner.Finding("iban", head..<index) : nil
  }
}

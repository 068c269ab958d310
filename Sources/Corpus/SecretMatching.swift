import Foundation

/// One keyword of one rule in a text: decides whether a secret stands there.
struct SecretMatching {
  let text: SecretText
  let rule: SecretRule
  let keyword: [UInt8]
  /// Behind the keyword.
  let end: Int

  var start: Int { end - keyword.count }

  /// What the rule finds at this keyword.
  func finding() -> SecretScanner.Finding? {
    switch rule.matcher {
    case .token(let body, let count): token(body, count)
    case .near(let body, let count): near(body, count)
    case .value(let body, let count): value(body, count)
    case .before(let body, let count): before(body, count)
    case .privateKey: privateKey()
    case .puttyKey: puttyKey()
    case .webToken: webToken()
    case .telegram: telegram()
    case .discord: discord()
    case .uuidNear: uuidNear()
    case .url: urlPassword()
    case .authorization: authorization()
    case .assignment(let isPassword): assignment(isPassword: isPassword)
    case .commandLine: commandLine()
    case .frameworkKey: frameworkKey()
    case .email: email()
    case .number: personalNumber()
    }
  }

  /// Whether the keyword stands there in its exact case.
  private var hasExactCase: Bool { text[start..<end].elementsEqual(keyword) }

  private func token(_ body: ByteSet, _ count: ClosedRange<Int>) -> SecretScanner.Finding? {
    guard hasExactCase, text.isBorder(before: start, of: .word) else { return nil }
    let tail = text.run(from: end, of: body, limit: count.upperBound + 1)
    return accepted(body: end..<tail, from: start, count: count)
  }

  /// A finding when the body has the length and the entropy of a secret and is no placeholder.
  func accepted(body: Range<Int>, from start: Int, count: ClosedRange<Int>) -> SecretScanner.Finding? {
    guard count.contains(body.count), !Randomness.isPlaceholder(text[body]),
      Randomness.entropy(text[body]) >= rule.minimumEntropy, Randomness.wordEvidence(text[body]) < 6
    else { return nil }
    return SecretScanner.Finding(rule.name, start..<body.upperBound)
  }

  /// The first run of exactly the right length within 80 bytes on the line.
  private func near(_ body: ByteSet, _ count: ClosedRange<Int>) -> SecretScanner.Finding? {
    run(of: body, count: count, in: end..<text.lineEnd(from: end, limit: 80 + count.upperBound))
  }

  private func run(of body: ByteSet, count: ClosedRange<Int>, in range: Range<Int>) -> SecretScanner.Finding?
  {
    var index = range.lowerBound
    while index < range.upperBound {
      guard body.contains(text[index]) else {
        index += 1
        continue
      }
      let tail = text.run(from: index, of: body, limit: count.upperBound + 1)
      if count.contains(tail - index), text.isBorder(before: index, of: body),
        let finding = accepted(body: index..<tail, from: index, count: count)
      {
        return finding
      }
      index = text.run(from: tail, of: body, limit: 300)
    }
    return nil
  }

  /// The secret that belongs to an access key: 40 bytes within the next 300.
  func awsSecret(behind end: Int) -> SecretScanner.Finding? {
    let range = end..<min(text.count, end + 300)
    let found = run(of: .bareBase64, count: 40...40, in: range)
    guard let found, Randomness.entropy(text[found.range]) >= 4 else { return nil }
    return SecretScanner.Finding("aws-secret-key", found.range)
  }

  private func value(_ body: ByteSet, _ count: ClosedRange<Int>) -> SecretScanner.Finding? {
    let tail = text.run(from: end, of: body, limit: count.upperBound + 1)
    return accepted(body: end..<tail, from: end, count: count)
  }

  private func before(_ body: ByteSet, _ count: Int) -> SecretScanner.Finding? {
    let head = text.run(before: start, of: body, limit: count + 1)
    guard start - head == count, ByteSet.digits.contains(text[end]) else { return nil }
    return accepted(body: head..<start, from: head, count: count...count)
  }

  /// `123456789:AA…`: the robot's number and 35 bytes.
  private func telegram() -> SecretScanner.Finding? {
    let head = text.run(before: start, of: .digits, limit: 11)
    let tail = text.run(from: end, of: .urlSafe, limit: 40)
    guard hasExactCase, (8...10).contains(start - head), (32...34).contains(tail - end) else { return nil }
    return accepted(body: end..<tail, from: head, count: 32...34)
  }

  /// Three parts with dots between: the robot's number in base 64, a time, a signature.
  private func discord() -> SecretScanner.Finding? {
    guard text[end + 6] == UInt8(ascii: "."), text.run(from: end, of: .urlSafe, limit: 7) == end + 6 else {
      return nil
    }
    var head = text.run(before: start, of: .urlSafe, limit: 30)
    if text[head - 1] == UInt8(ascii: "\\"), ByteSet.spaceEscapes.contains(text[head]) { head += 1 }
    let tail = text.run(from: end + 7, of: .urlSafe, limit: 42)
    guard (23...28).contains(start - head), (27...40).contains(tail - end - 7),
      text[head] >= UInt8(ascii: "M"), text[head] <= UInt8(ascii: "O"), text[head - 1] != UInt8(ascii: ".")
    else { return nil }
    return accepted(body: head..<tail, from: head, count: 58...80)
  }

  private func uuidNear() -> SecretScanner.Finding? {
    let line = end..<text.lineEnd(from: end, limit: 100)
    for index in line where text[index] == UInt8(ascii: "-") {
      let head = text.run(before: index, of: .anyHex, limit: 9)
      let tail = text.run(from: head, of: .uuid, limit: 37)
      guard index - head == 8, tail - head == 36 else { continue }
      guard [13, 18, 23].allSatisfy({ text[head + $0] == UInt8(ascii: "-") }) else { continue }
      return accepted(body: head..<tail, from: head, count: 36...36)
    }
    return nil
  }

  /// `eyJ….eyJ….…`, all three parts in base 64 for URLs.
  private func webToken() -> SecretScanner.Finding? {
    guard hasExactCase, text.isBorder(before: start, of: .urlSafe) else { return nil }
    let header = text.run(from: end, of: .urlSafe, limit: 2_000)
    guard header - start >= 16, text[header] == UInt8(ascii: "."), text.has("eyJ", at: header + 1) else {
      return nil
    }
    let payload = text.run(from: header + 1, of: .urlSafe, limit: 8_000)
    guard payload - header >= 12, text[payload] == UInt8(ascii: ".") else { return nil }
    let signature = text.run(from: payload + 1, of: .urlSafe, limit: 2_000)
    guard signature - payload >= 16 else { return nil }
    return SecretScanner.Finding(rule.name, start..<signature)
  }

  /// `Authorization: Bearer …`, `Basic …`, `token …`.
  private func authorization() -> SecretScanner.Finding? {
    guard text.isBorder(before: start, of: .word) else { return nil }
    let tail = text.run(from: end, of: .bearer, limit: 2_000)
    guard tail - end >= 16, hasDigit(end..<tail), Randomness.wordEvidence(text[end..<tail]) < 2 else {
      return nil
    }
    if keyword.first == UInt8(ascii: "b"), keyword.count == 6, holdsHole(end..<tail) { return nil }
    return accepted(body: end..<tail, from: end, count: 16...1_999)
  }

  /// Whether basic credentials are those of documentation: `username:password` in base 64.
  private func holdsHole(_ range: Range<Int>) -> Bool {
    guard let pair = Data(base64Encoded: Data(text[range].prefix(300))), let colon = pair.firstIndex(of: 0x3A)
    else {
      return false
    }
    return Self.isKnownHole(pair[(colon + 1)...])
  }

  func hasDigit(_ range: Range<Int>) -> Bool {
    text[range].contains { ByteSet.digits.contains($0) }
  }

  /// `scheme://user:PASSWORD@host`.
  private func urlPassword() -> SecretScanner.Finding? {
    guard ByteSet.alphanumeric.contains(text[start - 1]) else { return nil }
    let userSet = ByteSet.urlUser
    let colon = text.run(from: end, of: userSet, limit: 128)
    guard text[colon] == UInt8(ascii: ":") else { return nil }
    let passwordSet = ByteSet.urlSecret
    let tail = text.run(from: colon + 1, of: passwordSet, limit: 256)
    let password = colon + 1..<tail
    guard text[tail] == UInt8(ascii: "@"), password.count >= 3,
      ByteSet.hostStart.contains(text[tail + 1])
    else { return nil }
    guard !Self.isKnownHole(text[password]) else { return nil }
    return SecretScanner.Finding(rule.name, password)
  }

  private static let holes: Set<String> = [
    "pass", "password", "passwd", "pwd", "secret", "pw", "user", "username", "token", "xxx", "changeme", "%s",
    "example", "redacted", "your_password", "yourpassword", "your-password", "placeholder", "hidden",
    "masked",
  ]

  /// Documentation's passwords and templates' holes.
  static func isKnownHole(_ bytes: some Collection<UInt8>) -> Bool {
    if let first = bytes.first, [UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "*")].contains(first) {
      // `%40…` is an escaped byte, `%s` a hole.
      if first != UInt8(ascii: "%") || bytes.count <= 3 { return true }
    }
    if Set(bytes).count == 1 { return true }
    return holes.contains(String(decoding: bytes, as: UTF8.self).lowercased())
  }
}

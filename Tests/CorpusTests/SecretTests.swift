import Foundation
import Testing

@testable import Corpus

struct SecretTests {
  private let hygiene = FileHygiene(catalog: Fixtures.catalog)
  /// Code around what is planted, so that a file is not all secret.
  private static let filler = """
    def area(width, height):
        # Rectangles only: everything else has no width.
        return width * height

    def describe(shape, names, loud=False):
        text = names.get(shape.kind, "unknown shape")
        return text.upper() if loud else text

    class Canvas:
        def __init__(self, title, colour, shapes=()):
            self.title, self.colour, self.shapes = title, colour, list(shapes)

        def total(self, scale):
            return sum(area(shape.width * scale, shape.height * scale) for shape in self.shapes)


    """
  /// The same as comments of any language that has `//`.
  private static let slashes = filler.split(separator: "\n").map { "// " + $0 + "\n" }.joined()

  private func cleaned(_ path: String, _ text: String) throws -> SourceFile {
    let file = try hygiene.clean(path: path, bytes: Array(text.utf8)).get()
    #expect(file.bytes.count == text.utf8.count)
    #expect(
      file.bytes.indices.filter { file.bytes[$0] == 0x0A }
        == Array(text.utf8).indices.filter { Array(text.utf8)[$0] == 0x0A })
    #expect(String(validating: file.bytes, as: UTF8.self) != nil)
    return file
  }

  private func contains(_ file: SourceFile, _ secret: String) -> Bool {
    // Any 12 bytes of a secret that survive are a leak.
    let text = String(decoding: file.bytes, as: UTF8.self)
    let bytes = Array(secret)
    let length = min(12, bytes.count)
    return (0...(bytes.count - length)).contains { text.contains(String(bytes[$0..<($0 + length)])) }
  }

  /// Path, text before and text behind: a string, a comment, a dictionary, an address or assignment, YAML and shell.
  static let places: [(path: String, before: String, after: String)] = [
    ("a.py", filler + "client = connect(\"", "\", retries=3)\n"),
    (
      "b.go", slashes + "package p\n\n// Tried it with ",
      " and it works, see the notes.\nfunc F(a int) int { return a }\n"
    ),
    ("c.js", slashes + "const settings = {\n  retries: 3,\n  'first': '", "',\n  colour: 'green',\n};\n"),
    (
      "d.rs", slashes + "fn main() {\n    let place = \"https://x.corp.io/?first=",
      "\";\n    println!(\"{}\", place);\n}\n"
    ),
    ("e.sh", "#!/bin/sh\nset -e\nexport FIRST=", "\n" + filler + "echo one two three\n"),
    ("f.java", slashes + "class A {\n  String text = \"one\\n", "\\n\";\n  int size() { return 3; }\n}\n"),
    ("g.rb", filler + "first = <<~TEXT\n  one two three\n  ", "\n  four five\nTEXT\n"),
  ]

  @Test(arguments: 0..<7, [1, 2, 3] as [UInt64])
  func noPlantedSecretSurvives(place: Int, seed: UInt64) throws {
    var random = TestRandom(state: seed)
    let (path, before, after) = Self.places[place]
    for secret in PlantedSecrets.all(&random) {
      // An address is no parameter of an address.
      if path == "d.rs", secret.text.contains("://") { continue }
      let file = try cleaned(path, before + secret.text + after)
      #expect(!contains(file, secret.secret), "\(secret.kind) in \(path)")
      #expect(!file.redactions.isEmpty, "\(secret.kind) in \(path)")
    }
  }

  @Test(arguments: [
    "api_key = \"%\"", "apiKey: '%',", "\"client_secret\": \"%\",", "os.environ[\"DB_PASSWORD\"] = \"%\"",
    "const token = `%`;",
    "String accessToken = \"%\";", "var authKey string = \"%\"", "let secretKey: String = \"%\"",
    "api_key: str = '%'",
    "set_password(\"%\")", "token := []byte(\"%\")", "export SECRET_KEY=%", "DB_PASSWORD=%",
    "  access_token: %",
    "--token %", "password => '%'", "headers = {\"Authorization\": \"Bearer %\"}",
    "AUTH_TOKEN=\"%\" ./run.sh",
    "secret = (\n    \"%\"\n)", "password: >-\n    %", "key = SecretStr(\"%\")", "<password>%</password>",
    "json = \"{\\\"token\\\": \\\"%\\\"}\"", "# the old api key: %", "credentials(user, passwd='%')",
  ])
  func valuesBehindTellingNamesAreReplaced(form: String) throws {
    var random = TestRandom(state: 11)
    for _ in 0..<40 {
      let secret = random.text(PlantedSecrets.base62, 30) + "42"
      let file = try cleaned(
        "a.py", Self.filler + form.replacingOccurrences(of: "%", with: secret) + "\n" + Self.filler)
      #expect(!contains(file, secret), "\(form)")
    }
  }

  @Test(arguments: [
    "api_key = \"YOUR_API_KEY_HERE\"", "api_key = 'xxxxxxxxxxxxxxxxxxxx'",
    "token = os.environ[\"API_TOKEN\"]",
    "password = \"changeme\"", "secret = \"${SECRET_FROM_VAULT}\"", "key = \"user_profile_settings\"",
    "token_type_ids = encode(text)", "sort_key = lambda item: item.created_at",
    "auth = HTTPBasicAuth(user, password)",
    "api_version = \"2024-01-15-preview\"", "key = hashlib.sha256(text).hexdigest()",
    "token = \"<|endoftext|>\"",
    "url = \"https://user:password@example.com\"", "access = winreg.KEY_READ | winreg.KEY_WOW64_32KEY",
    "mail = \"someone@example.com\"", "host = \"192.168.1.10\"", "host = \"127.0.0.1\"",
    "net = \"203.0.113.9\"",
    "version = \"1.2.3.4\"", "RegOpenKeyEx = win32api.RegOpenKeyEx", "repo = \"git@github.com:a/b.git\"",
    "@app.route(\"/x\")", "y = a@b.transpose()", "icon = \"logo@2x.png\"", "t = 1234567890123456",
    "headers = {\"Authorization\": \"Basic dXNlcm5hbWU6cGFzc3dvcmQ=\"}", "x = 5 +12345678901",
    "ip = \"2001:db8::1\"",
    "subject_token = \"subject_token_0\"", "token_host = \"https://sts-xyz.123.p.corp.io\"",
    "ip = \"40.40.40.40\"",
    "sentinel = \"tool_arg_key_b9d4f5c2\"", "begin = \"-----BEGIN PRIVATE KEY-----\"",
  ])
  func ordinaryCodeIsLeftAlone(line: String) throws {
    let text = Self.filler + line + "\n" + Self.filler
    let file = try cleaned("a.py", text)
    #expect(file.redactions == [])
    #expect(String(decoding: file.bytes, as: UTF8.self) == text)
  }

  static let titles = [
    "RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "DSA PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK",
  ]

  @Test(arguments: titles)
  func privateKeysAreReplacedAndKeepTheirLines(title: String) throws {
    var random = TestRandom(state: 5)
    let key = PlantedSecrets.privateKey(title, &random)
    let texts = [
      ("a.py", Self.filler + "KEY = \"\"\"" + key.lines.joined(separator: "\n") + "\"\"\"\n"),
      (
        "b.go",
        "package p\n\n// " + key.lines.joined(separator: "\n// ") + "\nfunc F(a int) int { return a }\n"
      ),
      (
        "c.js",
        Self.slashes + Self.slashes + "const key = {\n  retries: 3,\n  'pem': \""
          + key.lines.joined(separator: "\\n") + "\\n\",\n};\n"
      ),
      (
        "d.java",
        "class A {\n  String k = \"" + key.lines.joined(separator: "\\n\" +\n    \"") + "\";\n  int n;\n}\n"
      ),
      (
        "e.sh", Self.filler + "set -e\nexport KEY='" + key.lines.joined(separator: "\n") + "'\necho one two\n"
      ),
    ]
    for (path, text) in texts {
      let file = try cleaned(path, text)
      for line in key.body { #expect(!contains(file, line), "\(title) in \(path)") }
      #expect(file.redactions.map(\.rule) == ["private-key"], "\(path)")
      // What stands around the lines is still there.
      #expect(String(decoding: file.bytes, as: UTF8.self).contains("-----END \(title)-----"))
      if path == "d.java" { #expect(file.bytes.count { $0 == UInt8(ascii: "\"") } == 2 * key.lines.count) }
    }
  }

  @Test func puttysPrivateLinesAreReplaced() throws {
    var random = TestRandom(state: 6)
    let body = (0..<3).map { _ in random.text(PlantedSecrets.base64, 64) }
    let text =
      "# PuTTY-User-Key-File-2: ssh-rsa\n# Private-Lines: 3\n# " + body.joined(separator: "\n# ") + "\n"
      + Self.filler
    let file = try cleaned("a.py", text)
    for line in body { #expect(!contains(file, line)) }
    #expect(String(decoding: file.bytes, as: UTF8.self).hasSuffix(Self.filler))
  }

  static let personal: [(rule: String, text: String)] = [
    ("email", "jane.doe" + "@" + "mail.corp.io"), ("ipv4-address", "91.198." + "174.192"),
    ("ipv6-address", "2a02:ec80:" + "300:ed1a::1"), ("phone-number", "+49 30 " + "9018 20 77"),
    ("phone-number", "+1 (212) " + "736-3100"), ("payment-card", "4539 1488 " + "0343 6467"),
    ("payment-card", "45391488" + "03436467"), ("iban", "DE89 3704 0044 " + "0532 0130 00"),
    ("iban", "GB82WEST1234" + "5698765432"),
  ]

  @Test(arguments: personal.indices)
  func personalDataAreReplaced(index: Int) throws {
    let (rule, datum) = Self.personal[index]
    for form in ["x = \"%\"\n", "# by %, see above\n", "d = {'a': '%'}\n"] {
      let file = try cleaned("a.py", Self.filler + form.replacingOccurrences(of: "%", with: datum))
      #expect(file.redactions.map(\.rule) == [rule], "\(form)")
      #expect(!contains(file, datum))
    }
    var options = HygieneOptions()
    options.redactsPersonalData = false
    let text = Self.filler + "x = \"\(datum)\"\n"
    let kept = try FileHygiene(catalog: Fixtures.catalog, options: options).clean(
      path: "a.py", bytes: Array(text.utf8)
    ).get()
    #expect(kept.bytes == Array(text.utf8))
  }

  @Test func aCardWithAWrongCheckDigitAndAnAccountWithAWrongSumAreNumbers() throws {
    let text = Self.filler + "a = \"4539148803436468\"\nb = \"DE89370400440532013001\"\n"
    #expect(try cleaned("a.py", text).redactions == [])
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func redactingTwiceChangesNothing(seed: UInt64) throws {
    var random = TestRandom(state: seed)
    let scanner = SecretScanner()
    var text = ""
    for secret in PlantedSecrets.all(&random).shuffled(using: &random) {
      text +=
        [
          "token = \"\(secret.text)\"\n",
          "\"\(secret.text)\": \"\(random.text(PlantedSecrets.base62, 24))\",\n", "# \(secret.text)\n",
          "password=\(secret.text)@\(random.text(PlantedSecrets.lower, 5)).com\n",
          random.text("key=:\"' @.\\\n", 20),
        ].randomElement(using: &random) ?? ""
    }
    var once = Array(text.utf8)
    let redactions = scanner.redact(&once)
    #expect(once.count == text.utf8.count)
    for (left, right) in zip(redactions, redactions.dropFirst()) {
      #expect(left.range.upperBound <= right.range.lowerBound)
    }
    // Outside of redactions every byte is as it was.
    let covered = redactions.reduce(into: Set<Int>()) { $0.formUnion($1.range) }
    let before = Array(text.utf8)
    #expect(before.indices.allSatisfy { covered.contains($0) || before[$0] == once[$0] })
    var twice = once
    #expect(scanner.redact(&twice) == [])
    #expect(twice == once)
  }

  @Test(arguments: [
    "=", "key=", "sk-", "-----BEGIN RSA PRIVATE KEY-----", "eyJ", "@", "://", "a.", "password = \"", "1.",
    "+1 ", "4", "AKIA",
    "heroku", "aws", "token(", "-----BEGIN PRIVATE KEY-----\n", "DE89 ", "2001:", "key='", "Bearer ", "x@y.",
    "\\n", "MIIEvQ",
  ])
  func hostileTextTakesLinearTime(piece: String) {
    let scanner = SecretScanner()
    let clock = ContinuousClock()
    func time(_ count: Int) -> Duration {
      var bytes = Array(String(repeating: piece, count: count / piece.utf8.count).utf8)
      return clock.measure { _ = scanner.redact(&bytes) }
    }
    _ = time(1 << 16)
    let small = min(time(1 << 18), time(1 << 18))
    let large = time(1 << 20)
    // Four times the text: sixteen times the time would be quadratic.
    #expect(large < small * 10 + .milliseconds(200), "\(small) for 256 kB, \(large) for 1 MB")
  }

  @Test func randomBytesNeitherCrashNorChangeLength() {
    var random = TestRandom(state: 9)
    let scanner = SecretScanner()
    let alphabet = "key=:\"'@.+-_/\\ \n0123456789aeAEJyIsk://token()<>[]{}"
    for length in 0..<400 {
      var bytes = Array(random.text(alphabet, length).utf8)
      let count = bytes.count
      _ = scanner.redact(&bytes)
      #expect(bytes.count == count)
    }
  }

  @Test func gatesHoldNothingBackThatARuleFinds() {
    var random = TestRandom(state: 11)
    let scanner = SecretScanner()
    let planted = PlantedSecrets.all(&random).map(\.text)
    let numbers = [
      "81.2.69.160", "+49 30 1234567", "+14155552671", "4111 1111 1111 1111", "4111111111111111",
      "DE89370400440532013000", "2a00:1450:4001:81b::200e", "ada@love" + "lace.org",
    ]
    let signs = [
      "ghp_", "sk-", "SK", "key-", "=", " ", "\n", "\"", "'", ".", "@", "(", ")", "+", "-", "/", ":",
    ]
    let pieces = planted + numbers + numbers + signs + signs + signs
    let alphabet = "abcdefABCDEF0123456789.:+-@ (),=\"_"
    var found = 0
    for round in 0..<2_000 {
      var text = ""
      for _ in 0..<12 {
        text += pieces.randomElement(using: &random) ?? ""
        if round % 2 == 0 { text += random.text(alphabet, 3 + round % 5) }
      }
      let gated = scanner.findings(in: Array(text.utf8))
      #expect(gated == scanner.findings(in: Array(text.utf8), asksGates: false), "\(text)")
      found += gated.count
    }
    #expect(found > 1_000)
  }

  @Test func constantSetsHoldWhatTheirNamesSay() {
    #expect(ByteSet.word == ByteSet("A-Za-z0-9_"))
    #expect(ByteSet.alphanumeric == ByteSet("A-Za-z0-9"))
    #expect(ByteSet.digits == ByteSet("0-9"))
  }

  @Test func bytesAreFoundWhereverTheyStand() {
    let text = Array("aabaabaaab".utf8)
    #expect(ByteSearch.places(of: Array("aab".utf8), in: text) == [0, 3, 7])
    #expect(ByteSearch.places(of: Array("aa".utf8), in: text, limit: 2) == [0, 3])
    #expect(ByteSearch.places(of: text, in: text) == [0])
    #expect(ByteSearch.places(of: text + [0], in: text).isEmpty)
    #expect(ByteSearch.places(of: [], in: text).isEmpty)
  }
}

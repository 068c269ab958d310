import Foundation
import Testing

@testable import Corpus

/// How many of a hundred made-up secrets of a kind escape.
struct SecretRateTests {
  private static let letters = "abcdefghijklmnopqrstuvwxyz"
  private static let mixed = letters + letters.uppercased() + "0123456789"
  private static let words = ["staple", "paper", "horse", "river", "candle", "orange", "window", "falcon"]

  private static func value(_ kind: String, _ random: inout TestRandom) -> String {
    func pick(_ list: [String]) -> String { list[Int(random.next() % UInt64(list.count))] }
    switch kind {
    case "hex": return random.text("0123456789abcdef", 32)
    case "framework": return random.text(letters + "0123456789!@#$%^&*(-_=+)", 50)
    case "alnum10": return random.text(mixed, 10)
    case "alnum14": return random.text(mixed, 14)
    case "signs14": return random.text(mixed + "!#%+-_", 14)
    case "season":
      return pick(["Summer", "Winter", "Berlin", "Monday"]) + random.text("123456789", 4)
        + pick(["!", "?", "#"])
    case "words": return pick(words) + "-" + pick(words) + "-" + pick(words) + random.text("123456789", 2)
    default: return "AKIA" + random.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)
    }
  }

  @Test(arguments: [
    ("hex", "api_key = \"%\"", 1), ("framework", "SECRET_KEY = \"%\"", 2),
    ("framework", "# was django-insecure-% before", 1), ("alnum10", "password = \"%\"", 5),
    ("alnum14", "password = \"%\"", 5), ("signs14", "db_password: '%',", 5),
    ("season", "PASSWORD = \"%\"", 5),
    ("words", "\"password\": \"%\",", 5), ("aws", "x = \"%\"", 1), ("season", "mysql -u root -p% app", 5),
    ("alnum14", "curl -u admin:% https://x.corp.io", 5),
    ("signs14", "machine x.corp.io login me password %", 5),
  ])
  func fewEscape(kind: String, form: String, most: Int) {
    var random = TestRandom(state: 77)
    let scanner = SecretScanner()
    let escaped = (0..<200).filter { _ in
      let value = Self.value(kind, &random)
      let text =
        "def f(a, b):\n    " + form.replacingOccurrences(of: "%", with: value) + "\n    return a + b\n"
      var bytes = Array(text.utf8)
      _ = scanner.redact(&bytes)
      return String(decoding: bytes, as: UTF8.self).contains(value)
    }.count
    #expect(escaped <= 2 * most, "\(kind) in \(form): \(escaped) of 200")
  }

  @Test(arguments: [
    "password_field = \"user-password2\"", "password = self.fields[\"first2\"]", "pwd = os.getcwd()",
    "password = \"password_1\"", "passwd_file = \"/etc/httpd/passwd2\"", "mysql -u root -p app",
    "curl -u user:password https://x.corp.io", "mysql --port 3306 -prompt", "machine learning password reset",
    "password_help = \"password.help1\"", "PASSWORD_HASHERS = [\"a.b.PBKDF2PasswordHasher\"]",
  ])
  func ordinaryLinesStay(line: String) {
    var bytes = Array(("x = 1\n" + line + "\ny = 2\n").utf8)
    #expect(SecretScanner().redact(&bytes).isEmpty, "\(String(decoding: bytes, as: UTF8.self))")
  }
}

import Foundation

@testable import Corpus

/// A generator that says the same for the same seed (SplitMix64).
struct TestRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  mutating func text(_ alphabet: String, _ count: Int) -> String {
    let letters = Array(alphabet)
    return String((0..<count).map { _ in letters.randomElement(using: &self) ?? "a" })
  }
}

/// Secrets of every kind, made when a test runs, so that no scanner finds one in this repository.
enum PlantedSecrets {
  static let lower = "abcdefghijklmnopqrstuvwxyz"
  static let digits = "0123456789"
  static let hex = "0123456789abcdef"
  static var base62: String { lower + lower.uppercased() + digits }
  static var base64: String { base62 + "+/" }
  static var urlSafe: String { base62 + "-_" }

  /// Beginning, alphabet and length of tokens that are known by their beginning.
  static let tokens: [(kind: String, prefix: String, alphabet: String, count: Int)] = [
    ("aws-access-key", "AK" + "IA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
    ("gcp-api-key", "AI" + "za", urlSafe, 35), ("google-client-secret", "GOC" + "SPX-", urlSafe, 28),
    ("github", "gh" + "p_", base62, 36), ("github-server", "gh" + "s_", base62, 36),
    ("github-fine", "github" + "_pat_", base62, 82), ("gitlab", "gl" + "pat-", urlSafe, 20),
    ("slack", "xo" + "xb-", digits + base62, 50), ("stripe", "sk_" + "live_", base62, 24),
    ("stripe-restricted", "rk_" + "live_", base62, 24), ("openai", "sk-" + "proj-", urlSafe, 60),
    ("openai-old", "sk" + "-", base62, 48), ("anthropic", "sk-" + "ant-api03-", urlSafe, 95),
    ("huggingface", "h" + "f_", base62, 34), ("npm", "np" + "m_", base62, 36),
    ("pypi", "py" + "pi-", urlSafe, 160),
    ("sendgrid", "S" + "G.", urlSafe, 66), ("twilio", "S" + "K", hex, 32), ("mailgun", "ke" + "y-", hex, 32),
    ("digitalocean", "dop" + "_v1_", hex, 64), ("shopify", "shp" + "at_", hex, 32),
    ("square", "sq0" + "atp-", urlSafe, 22), ("databricks", "da" + "pi", hex, 32),
    ("docker", "dckr" + "_pat_", urlSafe, 27), ("vault", "hv" + "s.", urlSafe, 90),
    ("age", "AGE-SECRET" + "-KEY-1", "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    ("linear", "lin" + "_api_", base62, 40),
    ("newrelic", "NR" + "AK-", "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 27),
    ("postman", "PM" + "AK-", hex, 59),
  ]

  /// Name and text of one secret of every kind; the second text is what must not survive.
  static func all(_ random: inout TestRandom) -> [(kind: String, text: String, secret: String)] {
    var all = tokens.map { token in
      let body = random.text(token.alphabet, token.count - 1) + "7"
      return (token.kind, token.prefix + body, body)
    }
    let header = "ey" + "J" + random.text(urlSafe, 33)
    let signature = random.text(urlSafe, 43)
    all.append(("web-token", header + ".ey" + "J" + random.text(urlSafe, 60) + "." + signature, signature))
    let robot = random.text(urlSafe, 33)
    all.append(("telegram", "8" + random.text(digits, 8) + ":A" + "A" + robot, robot))
    let discord = random.text(urlSafe, 27)
    all.append(
      ("discord", "M" + random.text(urlSafe, 23) + "." + random.text(urlSafe, 6) + "." + discord, discord))
    let hook = random.text(base62, 24)
    all.append(
      (
        "slack-webhook", "https://hooks.slack" + ".com/services/T0" + random.text(base62, 8) + "/B0/" + hook,
        hook
      ))
    let discordHook = random.text(urlSafe, 68)
    all.append(
      (
        "discord-webhook",
        "https://discord" + ".com/api/webhooks/" + random.text(digits, 18) + "/" + discordHook, discordHook
      ))
    let account = random.text(base64, 86)
    all.append(("azure", "AccountName=a;Account" + "Key=" + account + "==;Suffix=x", account))
    let password = random.text(base62, 16)
    all.append(("url-password", "https://bob:" + password + "@host.corp.io/x", password))
    let database = random.text(base62, 12)
    all.append(("database-url", "postgres://app:" + database + "@db.corp.io:5432/app", database))
    let chimp = random.text(hex, 32)
    all.append(("mailchimp", chimp + "-us" + "14", chimp))
    return all
  }

  /// A private key of 12 lines between its marks.
  static func privateKey(_ title: String, _ random: inout TestRandom) -> (lines: [String], body: [String]) {
    let body = (0..<11).map { _ in random.text(base64, 64) } + [random.text(base64, 22) + "=="]
    let mark = "-----"
    return (["\(mark)BEGIN \(title)\(mark)"] + body + ["\(mark)END \(title)\(mark)"], body)
  }
}

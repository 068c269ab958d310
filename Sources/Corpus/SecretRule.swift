/// One kind of secret or personal datum: the keywords that call its matcher, and what the matcher wants.
struct SecretRule: Sendable {
  /// What a keyword sets off.
  enum Matcher: Sendable {
    /// The keyword is the beginning of the secret, in its exact case; bytes of a set follow it.
    case token(body: ByteSet, count: ClosedRange<Int>)
    /// The keyword names a service; within 80 bytes on its line stands a run of exactly this many bytes of a set.
    case near(body: ByteSet, count: ClosedRange<Int>)
    /// The keyword stands before a value that is the secret: `AccountKey=…`.
    case value(body: ByteSet, count: ClosedRange<Int>)
    /// The keyword stands behind the secret.
    case before(body: ByteSet, count: Int)
    case privateKey
    case puttyKey
    case webToken
    case telegram
    case discord
    case uuidNear
    case url
    case authorization
    case assignment(isPassword: Bool)
    /// `mysql … -pVALUE`, `curl -u user:VALUE`, `machine … password VALUE`.
    case commandLine
    /// The key that a framework writes into a new project, signs and all.
    case frameworkKey
    case email
    case number
  }

  /// Machine-readable name: "github-token".
  let name: String
  let keywords: [String]
  let matcher: Matcher
  /// Bits per byte below which a match is no secret.
  let minimumEntropy: Double

  init(_ name: String, _ keywords: [String], _ matcher: Matcher, entropy: Double = 3.0) {
    self.name = name
    self.keywords = keywords
    self.matcher = matcher
    minimumEntropy = entropy
  }

  /// A token known by its beginning.
  static func token(
    _ name: String, _ prefixes: String..., body: ByteSet, count: ClosedRange<Int>, entropy: Double = 3.0
  ) -> SecretRule {
    SecretRule(name, prefixes, .token(body: body, count: count), entropy: entropy)
  }

  /// Whether it finds personal data rather than secrets.
  var isPersonal: Bool {
    switch matcher {
    case .email, .number: true
    default: false
    }
  }

  /// The names that findings carry.
  static let names: [String] = Array(
    Set(all.map(\.name) + ["ipv4-address", "ipv6-address", "phone-number", "payment-card", "iban"])
  ).sorted()

  /// Every rule. Forms and lengths are those that the services document for their tokens.
  static let all: [SecretRule] = cloud + forges + services + keys + addresses + personal

  private static let cloud: [SecretRule] = [
    // The beginning is proof enough.
    .token("aws-access-key", "AKIA", "ASIA", "ABIA", "ACCA", body: .upper, count: 16...16, entropy: 2),
    SecretRule("aws-secret-key", ["aws"], .near(body: ByteSet("A-Za-z0-9/+"), count: 40...40), entropy: 4.0),
    .token("gcp-api-key", "AIza", body: .urlSafe, count: 35...39),
    .token("google-oauth", "ya29.", body: ByteSet("A-Za-z0-9_.-"), count: 20...2_000),
    .token("google-client-secret", "GOCSPX-", body: .urlSafe, count: 24...40),
    SecretRule(
      "azure-key", ["AccountKey=", "SharedAccessKey="], .value(body: .base64, count: 40...100), entropy: 3.8),
    SecretRule("azure-signature", ["&sig="], .value(body: ByteSet("A-Za-z0-9%+/="), count: 40...120)),
    .token("digitalocean-token", "dop_v1_", "doo_v1_", "dor_v1_", body: .hex, count: 64...64),
    .token("alibaba-key", "LTAI", body: .alphanumeric, count: 16...24, entropy: 3.5),
    .token("databricks-token", "dapi", body: ByteSet("0-9a-f-"), count: 32...36),
    SecretRule("heroku-key", ["heroku"], .uuidNear),
    .token("heroku-token", "HRKU-", body: .urlSafe, count: 36...100),
    .token("vault-token", "hvs.", "hvb.", "hvr.", body: .urlSafe, count: 24...300),
    .token("fly-token", "fo1_", body: .urlSafe, count: 40...80),
    .token("planetscale-token", "pscale_tkn_", "pscale_pw_", "pscale_oauth_", body: .urlSafe, count: 32...64),
    .token("pulumi-token", "pul-", body: .hex, count: 40...40),
    .token("supabase-token", "sbp_", "sb_secret_", body: .urlSafe, count: 20...64),
  ]

  private static let forges: [SecretRule] = [
    .token("github-token", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", body: .alphanumeric, count: 36...255),
    .token("github-token", "github_pat_", body: .word, count: 22...255),
    .token(
      "gitlab-token", "glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glsoat-", "glft-", body: .urlSafe,
      count: 20...80),
    .token("npm-token", "npm_", body: .alphanumeric, count: 36...36),
    .token("pypi-token", "pypi-", body: .urlSafe, count: 50...300),
    .token("rubygems-token", "rubygems_", body: .hex, count: 48...48),
    .token("docker-token", "dckr_pat_", "dckr_oat_", body: .urlSafe, count: 24...64),
    .token("atlassian-token", "ATATT3", "ATCTT3", body: ByteSet("A-Za-z0-9_=-"), count: 40...300),
    .token("terraform-token", "atlasv1.", body: .urlSafe, count: 60...70),
    .token("artifactory-key", "AKCp", body: .alphanumeric, count: 64...73, entropy: 3.5),
  ]

  private static let services: [SecretRule] = [
    .token(
      "slack-token", "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", body: .urlSafe, count: 16...255),
    .token("slack-token", "xapp-", body: .urlSafe, count: 24...255),
    SecretRule(
      "slack-webhook", ["hooks.slack.com/services/", "hooks.slack.com/workflows/"],
      .value(body: ByteSet("A-Za-z0-9/_-"), count: 30...120)),
    .token(
      "stripe-key", "sk_live_", "rk_live_", "sk_test_", "rk_test_", body: .alphanumeric, count: 16...255),
    .token("stripe-key", "whsec_", body: ByteSet("A-Za-z0-9+/="), count: 24...64),
    .token("anthropic-key", "sk-ant-", body: .urlSafe, count: 24...200),
    .token(
      "openai-key", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-v1-", body: .urlSafe, count: 20...255),
    .token("openai-key", "sk-", body: .alphanumeric, count: 32...64, entropy: 3.5),
    .token("huggingface-token", "hf_", "api_org_", body: .alphanumeric, count: 30...40, entropy: 3.5),
    .token("groq-key", "gsk_", body: .alphanumeric, count: 40...64, entropy: 3.5),
    .token("replicate-token", "r8_", body: .alphanumeric, count: 37...40, entropy: 3.5),
    .token("perplexity-key", "pplx-", body: .alphanumeric, count: 40...64, entropy: 3.5),
    .token("sendgrid-key", "SG.", body: ByteSet("A-Za-z0-9_.-"), count: 40...100, entropy: 3.8),
    .token("twilio-key", "SK", "AC", body: .hex, count: 32...32),
    .token("mailgun-key", "key-", "pubkey-", body: .hex, count: 32...32),
    SecretRule("mailchimp-key", ["-us"], .before(body: .hex, count: 32)),
    .token("shopify-token", "shpat_", "shpca_", "shppa_", "shpss_", body: .anyHex, count: 32...32),
    .token("square-token", "sq0atp-", "sq0csp-", "sq0idp-", body: .urlSafe, count: 22...43),
    .token("square-token", "EAAA", body: .urlSafe, count: 56...64, entropy: 3.8),
    .token("facebook-token", "EAACEdEose0cBA", body: .alphanumeric, count: 20...255),
    .token("newrelic-key", "NRAK-", "NRJS-", "NRII-", body: .urlSafe, count: 19...40),
    .token("grafana-token", "glc_", "glsa_", body: ByteSet("A-Za-z0-9+/=_"), count: 32...400, entropy: 3.5),
    .token("linear-key", "lin_api_", "lin_oauth_", body: .alphanumeric, count: 40...64),
    .token("notion-token", "ntn_", body: .alphanumeric, count: 40...50, entropy: 3.5),
    .token("postman-key", "PMAK-", body: ByteSet("0-9a-f-"), count: 50...64),
    .token("figma-token", "figd_", body: .urlSafe, count: 38...50),
    .token("sentry-token", "sntrys_", "sntryu_", body: ByteSet("A-Za-z0-9+/=_"), count: 40...400),
    .token("doppler-token", "dp.pt.", "dp.st.", "dp.ct.", body: ByteSet("A-Za-z0-9_."), count: 40...64),
    SecretRule("telegram-token", [":AA"], .telegram),
    SecretRule("discord-token", ["."], .discord, entropy: 3.5),
    SecretRule(
      "discord-webhook", ["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
      .value(body: ByteSet("A-Za-z0-9/_-"), count: 60...120)),
  ]

  private static let keys: [SecretRule] = [
    SecretRule("private-key", ["-BEGIN ", "- BEGIN SSH2 "], .privateKey),
    SecretRule("putty-key", ["Private-Lines:"], .puttyKey),
    // "-----BEGIN … PRIVATE KEY" in base 64, as in Kubernetes' files.
    .token(
      "private-key", "LS0tLS1CRUdJTiBSU0EgUFJJVkFURS", "LS0tLS1CRUdJTiBQUklWQVRF",
      "LS0tLS1CRUdJTiBFQyBQUklWQVRF", "LS0tLS1CRUdJTiBPUEVOU1NI", body: .base64, count: 40...12_000),
    .token("age-key", "AGE-SECRET-KEY-1", body: ByteSet("A-Z0-9"), count: 58...58),
    SecretRule("web-token", ["eyJ"], .webToken),
    SecretRule("framework-key", ["django-insecure-"], .frameworkKey),
    SecretRule(
      "command-line-password", ["mysql ", "mysqldump ", "mysqladmin ", "curl ", "wget ", "machine "],
      .commandLine),
    SecretRule("authorization", ["bearer ", "basic ", "token "], .authorization, entropy: 3.5),
    SecretRule(
      "password", ["passw", "pwd", "passphrase", "secret"], .assignment(isPassword: true), entropy: 3.5),
    SecretRule(
      "credential", ["access", "auth", "api", "credential", "creds", "key", "token"],
      .assignment(isPassword: false), entropy: 3.5),
  ]

  private static let addresses: [SecretRule] = [SecretRule("url-password", ["://"], .url)]

  private static let personal: [SecretRule] = [
    SecretRule("email", ["@"], .email),
    SecretRule("personal-number", (0...9).map(String.init), .number),
  ]
}

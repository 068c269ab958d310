import Testing

@testable import Context

struct ContextBuilderTests {
  static let shop = Repository([
    "shop/cart.py": """
    from .pricing import discount_for


    class ShoppingCart:
        def total_amount(self, customer):
            amount = sum(self.prices)
            return amount

    """,
    "shop/pricing.py": """
    VIP_RATE = 0.2


    def discount_for(customer, amount):
        \"\"\"What a customer need not pay.\"\"\"
        return amount * VIP_RATE if customer.is_vip else 0


    """,
    "tests/test_cart.py": """
    from shop.cart import ShoppingCart


    def test_total_of_an_empty_cart():
        assert ShoppingCart([]).total_amount(None) == 0

    """,
    "shop/unrelated.py": """
    def parse_calendar_entry(raw_entry):
        return raw_entry.split(";")

    """,
    "warehouse/cart_history.py": """
    def remember_total_amount(cart, prices):
        amount = sum(prices)
        return cart.history.append(amount)

    """,
  ])

  @Test func findsWhatANearbyNameMeans() throws {
    let query = Self.shop.query(
      "shop/cart.py",
      Self.shop.files["shop/cart.py", default: ""].replacing(
        "return amount\n", with: "return amount - discount_for(¦\n"))
    let snippets = Self.shop.builder().snippets(for: query)
    let pricing = try #require(snippets.first { $0.path == "shop/pricing.py" })
    #expect(pricing.text.contains("def discount_for(customer, amount):"))
    #expect(pricing.source != .similar)
  }

  private func ask(_ path: String, after mark: String, budget: Int = 2_000, limit: Int = 3) throws
    -> [ContextSnippet]
  {
    let text = try #require(Self.shop.files[path])
    let range = try #require(text.firstRange(of: mark))
    let marked = text[..<range.upperBound] + "¦" + text[range.upperBound...]
    return Self.shop.builder().snippets(
      for: Self.shop.query(path, String(marked), budget: budget, limit: limit))
  }

  @Test func testAndImplementationShowEachOther() throws {
    #expect(try ask("shop/cart.py", after: "return amount").contains { $0.path == "tests/test_cart.py" })
    #expect(try ask("tests/test_cart.py", after: "None) == ").contains { $0.path == "shop/cart.py" })
  }

  @Test(arguments: [60, 150, 300, 700, 2_000], [0, 1, 2, 3])
  func staysWithinBudgetAndNumber(budget: Int, limit: Int) throws {
    let snippets = try ask("shop/cart.py", after: "return amount", budget: budget, limit: limit)
    #expect(snippets.count <= limit)
    #expect(snippets.reduce(0) { $0 + $1.text.utf8.count + $1.path.utf8.count } <= budget)
    for snippet in snippets {
      let lines = try #require(Self.shop.files[snippet.path]).split(
        separator: "\n", omittingEmptySubsequences: false)
      let shown = snippet.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      #expect(Array(lines[(snippet.firstLine - 1)...].prefix(shown.count)) == Array(shown))
    }
  }

  @Test func theOrderOfFilesDoesNotMatter() throws {
    let query = Self.shop.query("shop/cart.py", try #require(Self.shop.files["shop/cart.py"]) + "¦")
    let expected = Self.shop.builder().snippets(for: query)
    #expect(!expected.isEmpty)
    for seed in 0..<5 {
      var random = LeakTests.Generator(state: UInt64(seed))
      let index = ContextIndex(Self.shop.facts.shuffled(using: &random))
      #expect(Self.shop.builder(index).snippets(for: query) == expected)
    }
  }

  @Test func threadsGetTheSameAnswers() async throws {
    let query = Self.shop.query("shop/cart.py", try #require(Self.shop.files["shop/cart.py"]) + "¦")
    let builder = Self.shop.builder()
    let expected = builder.snippets(for: query)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<50).allSatisfy { _ in builder.snippets(for: query) == expected } }
      }
      for await same in group { #expect(same) }
    }
  }

  @Test func filesThatAreGoneAreLeftOut() throws {
    let query = Self.shop.query("shop/cart.py", try #require(Self.shop.files["shop/cart.py"]) + "¦")
    let builder = ContextBuilder(index: Self.shop.index) { _ in nil }
    #expect(builder.snippets(for: query).isEmpty)
  }
}

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
}

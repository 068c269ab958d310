import Foundation
import Testing

@testable import Context

/// A folder on disk that is removed when the value goes away.
final class Folder {
  let path: String

  init(_ files: [String: String]) throws {
    path =
      FileManager.default.temporaryDirectory.resolvingSymlinksInPath().path + "/gemfill-\(UUID().uuidString)"
    for (name, text) in files { try write(name, text) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws {
    let place = URL(fileURLWithPath: path).appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: place)
  }
}

@Suite(.timeLimit(.minutes(1)))
struct WorkspaceContextTests {
  static let pricing = "def discount_for(customer, amount):\n    return amount * customer.vip_rate\n"
  static let cart = """
    from .pricing import discount_for


    def total_amount(customer, amount):
        rest = amount - discount_for(customer, amount)
        return rest


    def shipping_costs(customer):
        return 3


    """

  private func workspace(_ folder: Folder) -> WorkspaceContext {
    WorkspaceContext(root: folder.path, catalog: Repository.catalog)
  }

  private func ask(
    _ workspace: WorkspaceContext, _ text: String, after mark: String, moved: Bool = false
  ) async -> [ContextSnippet] {
    let bytes = Array(text.utf8)
    let cursor =
      text.range(of: mark).map { text.utf8.distance(from: text.startIndex, to: $0.upperBound) } ?? 0
    return await workspace.stickySnippets(
      document: "shop/cart.py", language: "python", text: bytes, cursor: cursor, window: 0..<bytes.count,
      windowMoved: moved, budgetBytes: 800)
  }

  @Test func answersFromTheFolderOnceItIsRead() async throws {
    let folder = try Folder(["shop/pricing.py": Self.pricing, "shop/cart.py": Self.cart])
    let workspace = workspace(folder)
    #expect(await ask(workspace, Self.cart, after: "rest = ").isEmpty)
    await workspace.start()
    await workspace.settle()
    #expect(await workspace.isComplete)
    #expect(await ask(workspace, Self.cart, after: "rest = ").map(\.path) == ["shop/pricing.py"])
  }

  @Test func whatIsKeptOutNeverEnters() async throws {
    let folder = try Folder([
      ".gitignore": "hidden/\n", "hidden/secret_prices.py": Self.pricing, "shop/cart.py": Self.cart,
      "node_modules/pricing.py": Self.pricing,
    ])
    let workspace = workspace(folder)
    await workspace.start()
    await workspace.documentChanged(path: "hidden/secret_prices.py", text: Array(Self.pricing.utf8))
    await workspace.settle()
    #expect(await workspace.fileCount == 1)
    #expect(await ask(workspace, Self.cart, after: "rest = ").isEmpty)
  }

  @Test func snippetsStayWhileTheUserTypesInOnePlace() async throws {
    let folder = try Folder(["shop/pricing.py": Self.pricing, "shop/cart.py": Self.cart])
    let workspace = workspace(folder)
    await workspace.start()
    await workspace.settle()
    let first = await ask(workspace, Self.cart, after: "rest = ")
    #expect(!first.isEmpty)
    // The other file changes, and so does the index; the snippets in front of the prompt do not.
    try folder.write("shop/pricing.py", Self.pricing.replacing("customer.vip_rate", with: "0.25"))
    await workspace.filesChanged(paths: ["shop/pricing.py"])
    await workspace.settle()
    let typed = Self.cart.replacing("rest = ", with: "rest = unrelated_calendar(")
    #expect(await ask(workspace, typed, after: "calendar(") == first)
    #expect(await ask(workspace, typed, after: "calendar(", moved: true) != first)
  }

  @Test func aSaveMakesANewChoice() async throws {
    let folder = try Folder(["shop/pricing.py": Self.pricing, "shop/cart.py": Self.cart])
    let workspace = workspace(folder)
    await workspace.start()
    await workspace.settle()
    let first = await ask(workspace, Self.cart, after: "rest = ")
    try folder.write("shop/pricing.py", Self.pricing.replacing("customer.vip_rate", with: "0.25"))
    await workspace.documentSaved(path: "shop/pricing.py")
    await workspace.documentSaved(path: "shop/cart.py")
    await workspace.settle()
    let second = await ask(workspace, Self.cart, after: "rest = ")
    #expect(second != first)
    #expect(second.last?.text.contains("0.25") == true)
  }

  @Test func unsavedTextOfOpenDocumentsCounts() async throws {
    let folder = try Folder(["shop/pricing.py": Self.pricing, "shop/cart.py": Self.cart])
    let workspace = workspace(folder)
    await workspace.start()
    let unsaved = "# new\n\n" + Self.pricing.replacing("customer.vip_rate", with: "0.5")
    await workspace.documentChanged(path: "shop/pricing.py", text: Array(unsaved.utf8))
    await workspace.settle()
    #expect(await ask(workspace, Self.cart, after: "rest = ").last?.text.contains("0.5") == true)
    await workspace.documentClosed(path: "shop/pricing.py")
    await workspace.settle()
    #expect(
      await ask(workspace, Self.cart, after: "rest = ", moved: true).last?.text.contains("vip_rate") == true)
  }

  @Test func filesThatAreGoneAreNoSource() async throws {
    let folder = try Folder(["shop/pricing.py": Self.pricing, "shop/cart.py": Self.cart])
    let workspace = workspace(folder)
    await workspace.start()
    await workspace.settle()
    try FileManager.default.removeItem(atPath: folder.path + "/shop/pricing.py")
    await workspace.filesChanged(paths: ["shop/pricing.py"])
    await workspace.settle()
    #expect(await ask(workspace, Self.cart, after: "rest = ").isEmpty)
    #expect(await workspace.fileCount == 1)
  }
}

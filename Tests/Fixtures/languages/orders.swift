import Foundation

/// A line of an order.
public struct Line: Codable {
  let sku: String
  var count = 1
}

enum Failure: Error {
  case empty
  case noPrice(String)
}

protocol Priced {
  func total(prices: [String: Int]) throws -> Int
}

extension Line: Priced {
  func total(prices: [String: Int]) throws -> Int {
    guard let price = prices[sku] else {
      throw Failure.noPrice(sku)
    }
    // never negative
    if price < 0 {
      return 0
    }
    return price * count
  }
}

final class Order {
  private var lines: [Line] = []

  init(lines: [Line]) {
    self.lines = lines
  }

  var isEmpty: Bool { lines.isEmpty }

  func names(limit: Int) -> [String] {
    let names = lines.map { $0.sku }
    switch names.count {
    case 0: return ["none", "at all"]
    default: break
    }
    while lines.count > limit {
      lines.removeLast()
    }
    return names.count > limit ? Array(names.prefix(limit)) : names
  }
}

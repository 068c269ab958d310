import Foundation
import Registry
import Weights

/// Machines that the user could rent for training: the section `gpus` of `config.json` in Gemfill's home.
///
///     {"gpus": {"L4, spot": {"tokensPerSecond": 5200, "pricePerHour": 0.25, "currency": "USD"},
///               "H100": {"teraflops": 990, "utilisation": 0.3, "pricePerHour": 2.2}}}
///
/// The speed is either measured (tokens of this kind of training per second) or follows from the arithmetic that the
/// machine does at best and the share of it that training reaches. No machine and no price is built in.
struct RentedMachines {
  /// One machine.
  struct Machine {
    let name: String
    let speed: Speed
    let pricePerHour: Double
    let currency: String

    /// Tokens per second for a model that takes so many floating-point operations per token.
    func tokensPerSecond(operationsPerToken: Double) -> Double {
      switch speed {
      case .tokensPerSecond(let speed): speed
      case .operationsPerSecond(let speed): speed / max(1, operationsPerToken)
      }
    }
  }

  /// How fast a machine is.
  enum Speed: Equatable {
    case tokensPerSecond(Double)
    case operationsPerSecond(Double)
  }

  let machines: [Machine]

  /// The section of the settings file.
  static let key = "gpus"

  /// Reads the settings.
  ///
  /// - Throws: `Failure` that names file and key.
  init(home: Home) throws(Failure) {
    let files = try SettingsFiles(Self.key, paths: [], home: home)
    try self.init(files.section, path: home.settings)
  }

  /// Reads a section.
  init(_ section: JSONObject, path: String) throws(Failure) {
    var machines: [Machine] = []
    for (name, value) in section { machines.append(try Self.machine(name, value, path)) }
    self.machines = machines
  }

  private static func machine(_ name: String, _ value: JSONValue, _ path: String) throws(Failure) -> Machine {
    let place = "\(path): \(key).\(name)"
    guard let object = value.objectValue else { throw Failure("\(place): is no JSON object") }
    let known = ["tokensPerSecond", "teraflops", "utilisation", "pricePerHour", "currency"]
    if let strange = object.keys.first(where: { !known.contains($0) }) {
      throw Failure("\(place).\(strange): no such setting; known here: \(known.joined(separator: ", "))")
    }
    func number(_ key: String, _ bounds: ClosedRange<Double>) throws(Failure) -> Double? {
      guard let value = object[key] else { return nil }
      guard let number = value.doubleValue, bounds.contains(number) else {
        throw Failure(
          "\(place).\(key): must be a number from \(bounds.lowerBound) to \(bounds.upperBound)")
      }
      return number
    }
    let tokens = try number("tokensPerSecond", 1e-3...1e12)
    let teraflops = try number("teraflops", 1e-6...1e9)
    let utilisation = try number("utilisation", 1e-4...1)
    guard let price = try number("pricePerHour", 0...1e9) else {
      throw Failure("\(place).pricePerHour: is missing; give what an hour costs")
    }
    let speed: Speed
    switch (tokens, teraflops, utilisation) {
    case (let tokens?, nil, nil): speed = .tokensPerSecond(tokens)
    case (nil, let teraflops?, let utilisation?): speed = .operationsPerSecond(teraflops * 1e12 * utilisation)
    default: throw Failure("\(place): needs tokensPerSecond, or teraflops and utilisation, and not both")
    }
    return Machine(
      name: name, speed: speed, pricePerHour: price, currency: object["currency"]?.stringValue ?? "")
  }
}

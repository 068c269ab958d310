import Numerics
import Weights

/// What was written and what rounding has cost, by class of tensors.
struct ConversionReport {
  /// The errors of one tensor or of several together.
  struct Errors {
    /// As written.
    var found: QuantizationError
    /// What rounding to nearest would have given.
    var nearest: QuantizationError?
    /// As written, every column by its weight.
    var weightedFound: QuantizationError?
    /// What rounding to nearest would have given, every column by its weight.
    var weightedNearest: QuantizationError?

    mutating func add(_ other: Errors) {
      func sum(_ left: QuantizationError?, _ right: QuantizationError?) -> QuantizationError? {
        switch (left, right) {
        case (let left?, let right?): left + right
        case (nil, let one), (let one, nil): one
        }
      }
      found = found + other.found
      nearest = sum(nearest, other.nearest)
      weightedFound = sum(weightedFound, other.weightedFound)
      weightedNearest = sum(weightedNearest, other.weightedNearest)
    }
  }

  /// Number of tensors written.
  private(set) var tensorCount = 0
  /// Bytes of all tensors.
  private(set) var byteCount = 0
  /// The tensor with the largest relative error.
  private(set) var worst: (name: String, error: Double)?
  /// The errors by class, such as `attn_q`: names without the number of the layer, in the order of the file.
  private(set) var classes: [(name: String, errors: Errors)] = []

  /// The errors of all tensors together.
  var total: Errors? {
    guard var total = classes.first?.errors else { return nil }
    for (_, errors) in classes.dropFirst() { total.add(errors) }
    return total
  }

  /// Root of the summed squared differences over that of the summed squares.
  var relativeError: Double { total?.found.relative ?? 0 }

  mutating func add(_ plan: TensorPlan, _ errors: Errors?) {
    tensorCount += 1
    byteCount += plan.byteCount
    guard let errors else { return }
    if errors.found.relative > worst?.error ?? 0 { worst = (plan.name, errors.found.relative) }
    let name = Self.className(plan.name)
    if let index = classes.firstIndex(where: { $0.name == name }) {
      classes[index].errors.add(errors)
    } else {
      classes.append((name, errors))
    }
  }

  /// The name without prefixes, the number of the layer and `.weight`.
  static func className(_ name: String) -> String {
    let parts = name.split(separator: ".").filter { $0 != "weight" }
    if let number = parts.lastIndex(where: { $0.allSatisfy(\.isNumber) }), number + 1 < parts.count {
      return parts[(number + 1)...].joined(separator: ".")
    }
    return parts.last.map(String.init) ?? name
  }

  /// The classes for `--json`.
  var json: JSONValue {
    func relative(_ error: QuantizationError?) -> JSONValue { error.map { .double($0.relative) } ?? .null }
    return .array(
      classes.map { name, errors in
        [
          "class": .string(name), "relative_error": relative(errors.found),
          "rounding_to_nearest": relative(errors.nearest), "weighted": relative(errors.weightedFound),
          "weighted_rounding_to_nearest": relative(errors.weightedNearest),
        ]
      })
  }
}

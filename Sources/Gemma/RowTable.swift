import Numerics
import Weights

/// A table of which single rows are looked up: it stays in its file, and a row is converted when it is read.
public final class RowTable: Sendable {
  /// How many rows there are.
  public let rows: Int
  /// Elements of a row.
  public let width: Int
  private let tensor: Tensor

  init(_ tensor: Tensor) {
    self.tensor = tensor
    rows = tensor.shape[0]
    width = tensor.shape[1]
  }

  /// Row `row` as f32.
  ///
  /// - Precondition: the row is there.
  public func row(_ row: Int, into out: UnsafeMutablePointer<Float>) {
    tensor.rows(row..<(row + 1)).withBytes {
      tensor.format.dequantize($0, into: UnsafeMutableBufferPointer(start: out, count: width))
    }
  }
}

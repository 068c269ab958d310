/// A small f64 matrix, stored by columns.
struct ColumnMatrix {
  let rows: Int
  let columns: Int
  private(set) var values: [Double]  // [columns, rows]

  /// The matrix of the elements that `element(row, column)` gives.
  init(rows: Int, columns: Int, _ element: (Int, Int) -> Double) {
    self.rows = rows
    self.columns = columns
    values = []
    values.reserveCapacity(rows * columns)
    for column in 0..<columns {
      for row in 0..<rows { values.append(element(row, column)) }
    }
  }

  subscript(row: Int, column: Int) -> Double { values[column * rows + row] }

  /// The elements row by row.
  var rowMajor: [Float] {
    (0..<rows * columns).map { Float(values[$0 % columns * rows + $0 / columns]) }
  }

  /// The elements column by column, which are the rows of the transposed matrix.
  var columnMajor: [Float] { values.map { Float($0) } }

  func transposed() -> ColumnMatrix { ColumnMatrix(rows: columns, columns: rows) { self[$1, $0] } }

  /// `self · other`.
  func multiplied(by other: ColumnMatrix) -> ColumnMatrix {
    var result = ColumnMatrix(rows: rows, columns: other.columns) { _, _ in 0 }
    result.values.withUnsafeMutableBufferPointer { out in
      values.withUnsafeBufferPointer { a in
        for column in 0..<other.columns {
          for inner in 0..<columns {
            let factor = other[inner, column]
            for row in 0..<rows { out[column * rows + row] += factor * a[inner * rows + row] }
          }
        }
      }
    }
    return result
  }

  /// `Q` with orthonormal columns and the upper triangle `R` with `self = Q R`, by Gram and Schmidt's steps done twice.
  /// A column that depends on those before it becomes a column of zeros.
  func orthogonalized() -> (q: ColumnMatrix, r: ColumnMatrix) {
    var q = self
    var triangle = [Double](repeating: 0, count: columns * columns)  // [column, row]
    q.values.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for column in 0..<columns {
        let own = base + column * rows
        let before = Self.dot(own, own, rows).squareRoot()
        for _ in 0..<2 {
          for earlier in 0..<column {
            let other = base + earlier * rows
            let share = Self.dot(own, other, rows)
            triangle[column * columns + earlier] += share
            for row in 0..<rows { own[row] -= share * other[row] }
          }
        }
        let norm = Self.dot(own, own, rows).squareRoot()
        let isNew = norm > 1e-13 * before
        triangle[column * columns + column] = isNew ? norm : 0
        for row in 0..<rows { own[row] = isNew ? own[row] / norm : 0 }
      }
    }
    return (q, ColumnMatrix(rows: columns, columns: columns) { triangle[$1 * columns + $0] })
  }

  static func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ count: Int) -> Double {
    var sum = 0.0
    for index in 0..<count { sum += a[index] * b[index] }
    return sum
  }
}

/// Singular values by one-sided rotations (Hestenes 1958): columns are turned in pairs until all are orthogonal. Accurate
/// and short, for small matrices.
struct JacobiRotations {
  let left: ColumnMatrix  // [rows, k]
  let values: [Double]  // [k]
  let right: ColumnMatrix  // [columns, k]

  /// Passes over all pairs; convergence is quadratic at the end, and ten are many.
  private static let maximumSweeps = 60

  init(_ matrix: ColumnMatrix) {
    let isWide = matrix.columns > matrix.rows
    let tall = isWide ? matrix.transposed() : matrix
    let (rows, count) = (tall.rows, tall.columns)
    var x = tall.values
    var v = ColumnMatrix(rows: count, columns: count) { $0 == $1 ? 1 : 0 }.values
    x.withUnsafeMutableBufferPointer { x in
      v.withUnsafeMutableBufferPointer { v in
        guard let x = x.baseAddress, let v = v.baseAddress else { return }
        for _ in 0..<Self.maximumSweeps {
          guard Self.sweep(x, v, rows, count) else { break }
        }
      }
    }
    let norms = (0..<count).map { column in
      x.withUnsafeBufferPointer { x in
        x.baseAddress.map { ColumnMatrix.dot($0 + column * rows, $0 + column * rows, rows).squareRoot() } ?? 0
      }
    }
    let order = norms.indices.sorted { norms[$0] > norms[$1] || norms[$0] == norms[$1] && $0 < $1 }
    let u = ColumnMatrix(rows: rows, columns: count) { row, column in
      let norm = norms[order[column]]
      return norm > 0 ? x[order[column] * rows + row] / norm : 0
    }
    let w = ColumnMatrix(rows: count, columns: count) { row, column in v[order[column] * count + row] }
    values = order.map { norms[$0] }
    (left, right) = isWide ? (w, u) : (u, w)
  }

  /// One pass over all pairs; whether any was turned.
  private static func sweep(
    _ x: UnsafeMutablePointer<Double>, _ v: UnsafeMutablePointer<Double>, _ rows: Int, _ count: Int
  ) -> Bool {
    var isTurned = false
    // Rounding of the sums leaves this much.
    let tolerance = 1e-15 * Double(max(1, rows)).squareRoot()
    for p in 0..<count {
      for q in (p + 1)..<max(p + 1, count) {
        let (first, second) = (x + p * rows, x + q * rows)
        let a = ColumnMatrix.dot(first, first, rows)
        let b = ColumnMatrix.dot(second, second, rows)
        let both = ColumnMatrix.dot(first, second, rows)
        guard abs(both) > tolerance * (a * b).squareRoot(), both != 0 else { continue }
        isTurned = true
        let zeta = (b - a) / (2 * both)
        let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
        let cosine = 1 / (1 + tangent * tangent).squareRoot()
        turn(first, second, rows, cosine, cosine * tangent)
        turn(v + p * count, v + q * count, count, cosine, cosine * tangent)
      }
    }
    return isTurned
  }

  private static func turn(
    _ a: UnsafeMutablePointer<Double>, _ b: UnsafeMutablePointer<Double>, _ count: Int, _ cosine: Double,
    _ sine: Double
  ) {
    for index in 0..<count {
      let (first, second) = (a[index], b[index])
      a[index] = cosine * first - sine * second
      b[index] = sine * first + cosine * second
    }
  }
}

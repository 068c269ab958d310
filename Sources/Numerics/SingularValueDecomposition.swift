import COpenBLAS

/// `M = U diag(σ) Vᵀ` with k singular values, falling; row-major.
///
/// LAPACK decomposes dense matrices where OpenBLAS brings it, one-sided Jacobi rotations do otherwise. A product of narrow
/// factors is never formed: see `init(left:right:rows:inner:columns:)`.
public struct SingularValueDecomposition: Sendable {
  /// Rows of M.
  public let rows: Int
  /// Columns of M.
  public let columns: Int
  /// Orthonormal columns, those of singular values of 0 excepted. `[rows, k]`
  public let left: [Float]
  /// The singular values, largest first. `[k]`
  public let values: [Float]
  /// Orthonormal rows, those of singular values of 0 excepted. `[k, columns]`
  public let right: [Float]

  /// Decomposes a dense matrix; k is the smaller of its extents.
  ///
  /// - Precondition: all entries are finite, and there are `rows · columns` of them.
  public init(_ matrix: [Float], rows: Int, columns: Int) {
    precondition(matrix.count == rows * columns && rows > 0 && columns > 0, "a matrix of another shape")
    self.rows = rows
    self.columns = columns
    if let found = Self.lapack(matrix, rows, columns) {
      (left, values, right) = found
      return
    }
    let jacobi = JacobiRotations(
      ColumnMatrix(rows: rows, columns: columns) { Double(matrix[$0 * columns + $1]) })
    left = jacobi.left.rowMajor
    values = jacobi.values.map { Float($0) }
    right = jacobi.right.columnMajor
  }

  /// Decomposes `left · right` (`[rows, inner]` and `[inner, columns]`); k is `inner`, or less where that is not small.
  ///
  /// With `left = Q₁R₁` and `rightᵀ = Q₂R₂` the product is `Q₁ (R₁R₂ᵀ) Q₂ᵀ`, so that only an `inner · inner` matrix is
  /// decomposed. Computed in f64.
  ///
  /// - Precondition: all entries are finite, and the factors have these shapes.
  public init(left: [Float], right: [Float], rows: Int, inner: Int, columns: Int) {
    precondition(left.count == rows * inner && right.count == inner * columns && inner > 0, "other shapes")
    guard inner * 2 <= min(rows, columns) else {
      self.init(
        Self.product(left, right, rows: rows, inner: inner, columns: columns), rows: rows, columns: columns)
      return
    }
    let (q1, r1) = ColumnMatrix(rows: rows, columns: inner) { Double(left[$0 * inner + $1]) }.orthogonalized()
    let (q2, r2) = ColumnMatrix(rows: columns, columns: inner) { Double(right[$1 * columns + $0]) }
      .orthogonalized()
    let core = JacobiRotations(r1.multiplied(by: r2.transposed()))
    self.init(
      rows: rows, columns: columns, left: q1.multiplied(by: core.left).rowMajor,
      values: core.values.map { Float($0) }, right: q2.multiplied(by: core.right).columnMajor)
  }

  private init(rows: Int, columns: Int, left: [Float], values: [Float], right: [Float]) {
    self.rows = rows
    self.columns = columns
    self.left = left
    self.values = values
    self.right = right
  }

  /// `left · right`, `[rows, columns]`.
  public static func product(_ left: [Float], _ right: [Float], rows: Int, inner: Int, columns: Int)
    -> [Float]
  {
    precondition(left.count == rows * inner && right.count == inner * columns, "other shapes")
    var result = [Float](repeating: 0, count: rows * columns)
    left.withUnsafeBufferPointer { a in
      right.withUnsafeBufferPointer { b in
        result.withUnsafeMutableBufferPointer { c in
          guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress else { return }
          BLAS.shared.multiply(
            m: rows, n: columns, k: inner, a: a, lda: inner, b: b, ldb: columns, c: c, ldc: columns)
        }
      }
    }
    return result
  }

  /// Share of the squared Frobenius norm that the first `count` singular values hold; 1 for a matrix of zeros.
  public func energy(ofFirst count: Int) -> Double {
    let squares = values.map { Double($0) * Double($0) }
    let all = squares.reduce(0, +)
    return all > 0 ? squares.prefix(count).reduce(0, +) / all : 1
  }

  /// Factors `[rows, count]` and `[count, columns]` of the best approximation of rank `count` (Eckart & Young 1936), each
  /// with the square root of the singular values; filled up with zeros where there are fewer.
  public func factors(rank count: Int) -> (left: [Float], right: [Float]) {
    var b = [Float](repeating: 0, count: rows * count)
    var a = [Float](repeating: 0, count: count * columns)
    for index in 0..<min(count, values.count) {
      let root = max(0, values[index]).squareRoot()
      for row in 0..<rows { b[row * count + index] = root * left[row * values.count + index] }
      for column in 0..<columns {
        a[index * columns + column] = root * right[index * columns + column]
      }
    }
    return (b, a)
  }

  /// LAPACK reads columns where we have rows: it decomposes Mᵀ, and U and V change places.
  private static func lapack(
    _ matrix: [Float], _ rows: Int, _ columns: Int
  ) -> (left: [Float], values: [Float], right: [Float])? {
    guard BLAS.shared.isLoaded else { return nil }
    let k = min(rows, columns)
    let (work, values) = (FloatBuffer(matrix), FloatBuffer(k))
    let (right, left) = (FloatBuffer(columns * k), FloatBuffer(k * rows))
    let status = cob_sgesdd(
      Int64(columns), Int64(rows), work.pointer, values.pointer, right.pointer, left.pointer)
    guard status == 0 else { return nil }
    return (left.array, values.array, right.array)
  }
}

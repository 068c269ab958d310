import Testing

@testable import Numerics

/// Uniform numbers in ±1.
private func random(_ count: Int, seed: UInt64) -> [Float] {
  var generator = SeededRandom(seed: seed)
  return (0..<count).map { _ in generator.uniform(within: 1) }
}

@Suite struct SingularValueDecompositionTests {
  private func check(_ found: SingularValueDecomposition, _ matrix: [Float], tolerance: Float) {
    let k = found.values.count
    let (m, n) = (found.rows, found.columns)
    for (index, value) in found.values.enumerated().dropFirst() { #expect(value <= found.values[index - 1]) }
    for row in 0..<m {
      for column in 0..<n {
        var sum: Float = 0
        for i in 0..<k { sum += found.left[row * k + i] * found.values[i] * found.right[i * n + column] }
        #expect(abs(sum - matrix[row * n + column]) < tolerance, "\(row), \(column)")
      }
    }
    for i in 0..<k where found.values[i] > 1e-3 {
      for j in 0...i where found.values[j] > 1e-3 {
        let u = (0..<m).reduce(Float(0)) { $0 + found.left[$1 * k + i] * found.left[$1 * k + j] }
        let v = (0..<n).reduce(Float(0)) { $0 + found.right[i * n + $1] * found.right[j * n + $1] }
        #expect(abs(u - (i == j ? 1 : 0)) < 1e-4)
        #expect(abs(v - (i == j ? 1 : 0)) < 1e-4)
      }
    }
  }

  @Test(arguments: [(1, 1), (5, 3), (3, 5), (24, 17), (17, 40)])
  func aDenseMatrixIsTheProductOfItsParts(rows: Int, columns: Int) {
    let matrix = random(rows * columns, seed: 3)
    check(SingularValueDecomposition(matrix, rows: rows, columns: columns), matrix, tolerance: 1e-5)
  }

  @Test(arguments: [(5, 3), (3, 5), (17, 17)])
  func rotationsGiveTheSingularValuesThatLapackGives(rows: Int, columns: Int) {
    let matrix = random(rows * columns, seed: 4)
    let dense = SingularValueDecomposition(matrix, rows: rows, columns: columns)
    let jacobi = JacobiRotations(
      ColumnMatrix(rows: rows, columns: columns) { Double(matrix[$0 * columns + $1]) })
    for (a, b) in zip(dense.values, jacobi.values) { #expect(abs(Double(a) - b) < 1e-5) }
  }

  @Test func aProductOfNarrowFactorsIsDecomposedWithoutForming() {
    let (rows, inner, columns) = (40, 6, 30)
    let (left, right) = (random(rows * inner, seed: 5), random(inner * columns, seed: 6))
    let product = SingularValueDecomposition.product(left, right, rows: rows, inner: inner, columns: columns)
    let found = SingularValueDecomposition(
      left: left, right: right, rows: rows, inner: inner, columns: columns)
    #expect(found.values.count == inner)
    check(found, product, tolerance: 1e-5)
    let dense = SingularValueDecomposition(product, rows: rows, columns: columns)
    for (a, b) in zip(found.values, dense.values) { #expect(abs(a - b) < 1e-4) }
  }

  @Test func dependentColumnsAndZerosGiveSingularValuesOfZero() {
    let (rows, inner, columns) = (12, 4, 10)
    var left = random(rows * inner, seed: 7)
    for row in 0..<rows {
      left[row * inner + 1] = left[row * inner] * 2
      left[row * inner + 3] = 0
    }
    let right = random(inner * columns, seed: 8)
    let found = SingularValueDecomposition(
      left: left, right: right, rows: rows, inner: inner, columns: columns)
    #expect(found.values[1] > 0.1 && found.values[2] < 1e-6)
    check(
      found, SingularValueDecomposition.product(left, right, rows: rows, inner: inner, columns: columns),
      tolerance: 1e-5)
    let zero = SingularValueDecomposition([Float](repeating: 0, count: 12), rows: 3, columns: 4)
    #expect(zero.values.allSatisfy { $0 == 0 } && zero.energy(ofFirst: 1) == 1)
  }

  @Test func factorsOfARankHoldItsShareOfTheEnergy() {
    // diag(3, 2, 1): the first two hold 13 / 14.
    let found = SingularValueDecomposition([3, 0, 0, 0, 2, 0, 0, 0, 1], rows: 3, columns: 3)
    #expect(abs(found.energy(ofFirst: 2) - 13.0 / 14) < 1e-6)
    let (left, right) = found.factors(rank: 2)
    let product = SingularValueDecomposition.product(left, right, rows: 3, inner: 2, columns: 3)
    for (a, b) in zip(product, [3, 0, 0, 0, 2, 0, 0, 0, 0] as [Float]) { #expect(abs(a - b) < 1e-6) }
    #expect(found.factors(rank: 5).left.count == 15)
  }
}

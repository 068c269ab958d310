import CSQLite

/// A value as SQLite stores it.
public enum Value: Sendable, Equatable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])
}

/// A Swift value that can stand for a `?` in a statement.
public protocol Bindable {
  /// How SQLite stores it.
  var databaseValue: Value { get }
}

extension Int: Bindable {
  /// An integer.
  public var databaseValue: Value { .integer(Int64(self)) }
}

extension Int64: Bindable {
  /// An integer.
  public var databaseValue: Value { .integer(self) }
}

extension Bool: Bindable {
  /// 0 or 1.
  public var databaseValue: Value { .integer(self ? 1 : 0) }
}

extension Double: Bindable {
  /// A real number; NaN becomes NULL, as SQLite has none.
  public var databaseValue: Value { isNaN ? .null : .real(self) }
}

extension String: Bindable {
  /// Text.
  public var databaseValue: Value { .text(self) }
}

extension [UInt8]: Bindable {
  /// A blob.
  public var databaseValue: Value { .blob(self) }
}

/// The row under the cursor; valid only inside the closure that receives it.
public struct Row {
  let statement: OpaquePointer

  /// Whether the column is NULL.
  public func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

  /// An integer; 0 for NULL.
  public func integer(_ column: Int32) -> Int { Int(sqlite3_column_int64(statement, column)) }

  /// An integer or nil.
  public func optionalInteger(_ column: Int32) -> Int? { isNull(column) ? nil : integer(column) }

  /// A real number; 0 for NULL.
  public func real(_ column: Int32) -> Double { sqlite3_column_double(statement, column) }

  /// A real number or nil.
  public func optionalReal(_ column: Int32) -> Double? { isNull(column) ? nil : real(column) }

  /// Text; empty for NULL.
  public func text(_ column: Int32) -> String {
    guard let bytes = sqlite3_column_text(statement, column) else { return "" }
    let count = Int(sqlite3_column_bytes(statement, column))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  /// Text or nil.
  public func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }

  /// Bytes; empty for NULL.
  public func blob(_ column: Int32) -> [UInt8] {
    guard let bytes = sqlite3_column_blob(statement, column) else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
  }
}

import CKernels

/// How keys and values are kept in pages.
public enum KVFormat: String, Sendable, CaseIterable {
  /// Exact; the reference path.
  case float32 = "f32"
  /// 16-bit floats.
  case float16 = "f16"
  /// 8-bit integers with one scale per position and head.
  case int8 = "q8"

  /// Bytes of one value.
  public var valueBytes: Int {
    switch self {
    case .float32: 4
    case .float16: 2
    case .int8: 1
    }
  }

  var code: ck_kv_format {
    switch self {
    case .float32: CK_KV_F32
    case .float16: CK_KV_F16
    case .int8: CK_KV_I8
    }
  }
}

/// A query of one head and the positions `first..<last` that it sees; `out` receives `headDim` values.
public typealias QueryRow = ck_query_row

/// Where one key/value head of one layer lies within every page, and how its scores are made.
///
/// In a page, keys stand as `[headDim, 32]`, values as `[32, headDim]`; see `ck.h`.
public struct PagedHead: BitwiseCopyable, Sendable {
  /// Positions of one page.
  public static let positions = Int(CK_PAGE)
  /// Most queries of one call of `attend`.
  public static let rowLimit = Int(CK_ATTEND_ROWS)

  // Its pages pointer stays nil; each call fills in its own.
  nonisolated(unsafe) private let description: ck_attention

  /// Bytes that one head takes in a page.
  public static func byteCount(headDim: Int, format: KVFormat) -> Int {
    2 * positions * headDim * format.valueBytes + (format == .int8 ? 8 * positions : 0)
  }

  /// A head whose part of each page begins at `offset`; scores are multiplied by `scale` and, where `cap` is given,
  /// become `cap · tanh(score / cap)`.
  public init(offset: Int, headDim: Int, format: KVFormat, scale: Float, cap: Float? = nil) {
    let block = Int64(Self.positions * headDim * format.valueBytes)
    description = ck_attention(
      pages: nil, key_offset: Int64(offset), value_offset: Int64(offset) + block,
      key_scale_offset: Int64(offset) + 2 * block,
      value_scale_offset: Int64(offset) + 2 * block + Int64(4 * Self.positions), head_dim: Int64(headDim),
      format: format.code, scale: scale, cap: cap ?? 0)
  }

  /// Writes keys and values of one position (`[headDim]` each) into slot `slot` of a page.
  public func store(
    key: UnsafePointer<Float>, value: UnsafePointer<Float>, page: UnsafeMutablePointer<UInt8>, slot: Int,
    kernels: Kernels = .best
  ) {
    withUnsafePointer(to: description) {
      kernels.table.pointee.store_kv($0, page, Int64(slot), key, value)
    }
  }

  /// Softmax attention of at most `rowLimit` queries. A row's result does not depend on its companions.
  public func attend(
    pages: UnsafePointer<UnsafePointer<UInt8>?>, rows: UnsafeBufferPointer<QueryRow>, kernels: Kernels = .best
  ) {
    precondition(rows.count <= Self.rowLimit, "too many queries at once")
    var call = description
    call.pages = pages
    kernels.table.pointee.attend_pages(&call, rows.baseAddress, Int64(rows.count))
  }
}

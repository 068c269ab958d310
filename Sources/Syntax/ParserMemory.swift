import CTreeSitter
import Foundation

/// Memory for tree-sitter that no input can corrupt.
///
/// The library counts a node's children in 16 bits up to version 0.20.8. A node with more of them, such as an error
/// that swallows a hundred thousand brackets, makes it free a pointer into the middle of an array, which the system's
/// allocator answers by ending the process, or worse. Each block here has a mark before it that only this process
/// knows; what has no mark was never handed out, and freeing it does nothing. The rest of such a tree is sound memory
/// with wrong sizes, which `RawTree` notices.
enum ParserMemory {
  /// Makes tree-sitter use this memory; to be touched before the first parser is made.
  static let installed: Void = ts_set_allocator(
    { ParserMemory.allocate($0) },
    { count, size in
      let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
      let block = ParserMemory.allocate(overflow ? Int.max : bytes)
      memset(block, 0, bytes)
      return block
    },
    { ParserMemory.resize($0, to: $1) },
    { ParserMemory.release($0) })

  /// Room for the mark; keeps the alignment of `malloc`.
  private static let header = 16
  private static let secret = UInt.random(in: UInt.min...UInt.max)

  private static func mark(of block: UnsafeMutableRawPointer) -> UInt { UInt(bitPattern: block) ^ secret }

  private static func isOurs(_ block: UnsafeMutableRawPointer) -> Bool {
    (block - 8).load(as: UInt.self) == mark(of: block)
  }

  private static func handOut(_ base: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer {
    guard let base else { fatalError("tree-sitter: out of memory") }
    let block = base + header
    (block - 8).storeBytes(of: mark(of: block), as: UInt.self)
    return block
  }

  private static func allocate(_ bytes: Int) -> UnsafeMutableRawPointer {
    handOut(bytes < Int.max - header ? malloc(bytes + header) : nil)
  }

  private static func resize(_ block: UnsafeMutableRawPointer?, to bytes: Int) -> UnsafeMutableRawPointer {
    guard let block else { return allocate(bytes) }
    guard isOurs(block), bytes < Int.max - header else { fatalError("tree-sitter: not a block of its own") }
    (block - 8).storeBytes(of: 0, as: UInt.self)
    return handOut(realloc(block - header, bytes + header))
  }

  private static func release(_ block: UnsafeMutableRawPointer?) {
    guard let block, isOurs(block) else { return }
    (block - 8).storeBytes(of: 0, as: UInt.self)
    free(block - header)
  }
}

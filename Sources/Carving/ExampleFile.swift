import Foundation

/// Examples as JSON lines: one object per line, with the fields of `FIMExample`.
public enum ExampleFile {
  /// Longest line that is read, in bytes.
  static let maximumLine = 1 << 20

  /// Writes examples; the file appears whole or not at all.
  public static func write(_ examples: [FIMExample], to path: String) throws(CarvingError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var text = Data()
    do {
      for example in examples {
        text += try encoder.encode(example)
        text.append(0x0A)
      }
      try writeWhole(text, to: path)
    } catch let error as CarvingError {
      throw error
    } catch {
      throw .unwritable(path: path, reason: error.localizedDescription)
    }
  }

  private static func writeWhole(_ data: Data, to path: String) throws {
    let part = path + ".part-\(UUID().uuidString.prefix(8))"
    defer { try? FileManager.default.removeItem(atPath: part) }
    let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw CarvingError.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try handle.write(contentsOf: data)
    try handle.synchronize()
    try handle.close()
    guard rename(part, path) == 0 else {
      throw CarvingError.unwritable(path: path, reason: String(cString: strerror(errno)))
    }
  }

  /// Reads examples and checks that each is one.
  ///
  /// - Throws: `CarvingError.malformedLine` with the line's number.
  public static func read(_ path: String) throws(CarvingError) -> [FIMExample] {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw .unreadable(path: path, reason: error.localizedDescription)
    }
    let decoder = JSONDecoder()
    var examples: [FIMExample] = []
    var number = 0
    var start = data.startIndex
    while start < data.endIndex {
      let end = data[start...].firstIndex(of: 0x0A) ?? data.endIndex
      number += 1
      let line = data[start..<end]
      start = end < data.endIndex ? end + 1 : end
      if line.allSatisfy(Blanks.isSpace) { continue }
      guard line.count <= maximumLine else {
        throw .malformedLine(path: path, line: number, reason: "longer than \(maximumLine) bytes")
      }
      guard let example = try? decoder.decode(FIMExample.self, from: line) else {
        throw .malformedLine(path: path, line: number, reason: "no JSON object with the fields of an example")
      }
      if let fault = example.fault {
        throw .malformedLine(path: path, line: number, reason: fault)
      }
      examples.append(example)
    }
    return examples
  }
}

extension FIMExample {
  /// What is inconsistent about the byte ranges; nil when they fit the texts.
  var fault: String? {
    guard windowStart >= 0, middleStart >= windowStart, middleEnd >= middleStart else {
      return "byte ranges are not in order"
    }
    guard middleStart - windowStart == prefix.utf8.count, middleEnd - middleStart == middle.utf8.count else {
      return "byte ranges do not fit the texts"
    }
    return nil
  }
}

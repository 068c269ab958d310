import Foundation

/// Records that are written once and read back at random: a temporary file without a name, so that memory does not
/// grow with the corpus and nothing is left behind.
///
/// `@unchecked Sendable`: one thread appends, and a record is read only after `append` gave its place.
final class SurveySpool: @unchecked Sendable {
  /// Where a record stands.
  struct Place: Sendable {
    let offset: Int
    let count: Int
  }

  private let descriptor: Int32
  private var end = 0

  /// - Throws: `CarvingError.unwritable` when the folder for temporary files cannot be written.
  init() throws(CarvingError) {
    let folder = FileManager.default.temporaryDirectory.path
    let path = folder + "/gemfill-spool-\(UUID().uuidString)"
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw .unwritable(path: folder, reason: String(cString: strerror(errno)))
    }
    unlink(path)
  }

  deinit {
    close(descriptor)
  }

  /// Adds a record.
  func append(_ record: [UInt8]) throws(CarvingError) -> Place {
    let place = Place(offset: end, count: record.count)
    var written = 0
    while written < record.count {
      let count = record.withUnsafeBytes {
        pwrite(descriptor, $0.baseAddress.map { $0 + written }, record.count - written, off_t(end + written))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw .unwritable(
          path: FileManager.default.temporaryDirectory.path, reason: String(cString: strerror(errno)))
      }
      written += count
    }
    end += record.count
    return place
  }

  /// A record; nil when it cannot be read back.
  func read(_ place: Place) -> [UInt8]? {
    var got = 0
    let record = [UInt8](unsafeUninitializedCapacity: place.count) { buffer, count in
      while got < place.count, let base = buffer.baseAddress {
        let part = pread(descriptor, base + got, place.count - got, off_t(place.offset + got))
        if part < 0 && errno == EINTR { continue }
        guard part > 0 else { break }
        got += part
      }
      count = got
    }
    return got == place.count ? record : nil
  }
}

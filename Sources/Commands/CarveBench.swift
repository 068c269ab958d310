import Carving
import Corpus
import Foundation
import Numerics
import Synchronization
import Syntax
import Weights

/// `gemfill bench --carve`: the parser alone and the whole carver on the same files and cores, in turns.
///
/// The parser reads nothing in the time that counts and frees each tree at once. The carver lists nothing in it either, but
/// reads, cleans, parses, compares and writes all examples to a file, without a cache and without hardness.
struct CarveBench {
  /// What was measured of one language, or of all files.
  struct Row {
    let name: String
    let files: Int
    let bytes: Int
    let examples: Int
    /// Seconds of each round.
    var parsing: [Double] = []
    var carving: [Double] = []
    var ratios: [Double] { zip(parsing, carving).map { $0 / $1 } }
    var peakMegabytes = 0

    /// Megabytes a second; of the median round.
    func speed(_ seconds: [Double]) -> Double { Double(bytes) / 1e6 / Self.median(seconds) }

    static func median(_ values: [Double]) -> Double {
      values.isEmpty ? .nan : values.sorted()[values.count / 2]
    }
  }

  private let path: String
  private let threads: Int
  private let rounds: Int
  private let catalog = LanguageCatalog.standard()
  private let console: Console

  /// Rounds without a choice: an odd number, so that the median is one of them.
  static let usualRounds = 5
  /// Languages with less code are measured with the others only.
  private static let smallestLanguage = 500_000

  init(_ arguments: Arguments, path: String, _ console: Console) {
    self.path = path
    self.console = console
    threads = arguments.integer("threads") ?? ProcessInfo.processInfo.activeProcessorCount
    rounds = arguments.integer("rounds") ?? Self.usualRounds
  }

  /// Measures and reports.
  ///
  /// - Throws: `CorpusError` where there is no code, and what carving throws.
  func report() throws {
    console.progress("listing files")
    let tree = try FolderTree(root: path, catalog: catalog)
    let parsed = try parsedFiles(of: tree)
    var groups = [("all", parsed)]
    let languages = Dictionary(grouping: parsed, by: \.language)
    if languages.count > 1 {
      groups += languages.filter { $0.value.reduce(0) { $0 + $1.bytes } >= Self.smallestLanguage }
        .sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
    let rows = try groups.map { try measure($0.0, $0.1, in: tree) }
    console.endProgress()
    show(rows)
  }

  // MARK: Measuring

  /// The files of which examples are cut and that a grammar knows, as a survey finds them.
  private func parsedFiles(of tree: FolderTree) throws -> [CarvingReport.File] {
    let report = try run(tree).write(to: [])
    let files = report.files.filter { catalog.language(named: $0.language) != nil }
    guard !files.isEmpty else { throw Failure("\(path): no code in a language with a grammar") }
    return files
  }

  private func run(_ tree: any SourceTree) -> CarvingRun {
    var options = CarvingRun.Options()
    options.threads = threads
    return CarvingRun(trees: [tree], options: options, catalog: catalog)
  }

  private func measure(_ name: String, _ files: [CarvingReport.File], in tree: FolderTree) throws -> Row {
    let subset = Subset(of: tree, paths: Set(files.map(\.path)))
    let floor = ParseFloor(catalog: catalog, threads: threads)
    let hygiene = FileHygiene(catalog: catalog)
    var row = Row(
      name: name, files: files.count, bytes: files.reduce(0) { $0 + $1.bytes },
      examples: files.reduce(0) { $0 + $1.examples })
    for round in 0..<rounds {
      try ModelCommand.checkInterrupt()
      console.progress("\(name): round \(round + 1) of \(rounds)")
      row.parsing.append(
        floor.seconds(subset.entries) { entry in
          guard case .success(let bytes) = subset.read(entry) else { return nil }
          return try? hygiene.clean(path: entry.path, bytes: bytes).get()
        })
      PeakMemory.reset()
      let (seconds, _) = try carve(subset)
      row.carving.append(seconds)
      row.peakMegabytes = max(row.peakMegabytes, PeakMemory.megabytes ?? 0)
    }
    return row
  }

  private func carve(_ tree: any SourceTree) throws -> (seconds: Double, report: CarvingReport) {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "gemfill-bench-\(UUID().uuidString)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let started = ContinuousClock.now
    let report = try run(tree).write(to: [CarvingOutput(.train, try JSONLSink(path: file))])
    return ((ContinuousClock.now - started) / .seconds(1), report)
  }

  /// A tree with fewer files.
  private struct Subset: SourceTree {
    let tree: FolderTree
    let entries: [SourceEntry]
    var origin: SourceOrigin { tree.origin }
    var skipped: [SkippedPath] { [] }

    init(of tree: FolderTree, paths: Set<String>) {
      self.tree = tree
      entries = tree.entries.filter { paths.contains($0.path) }
    }

    func read(_ entry: SourceEntry) -> Result<[UInt8], SkippedFile> { tree.read(entry) }
  }

  // MARK: Results

  private func show(_ rows: [Row]) {
    console.print("\(path): \(threads) threads, medians of \(rounds) rounds in turns, no cache, no hardness")
    console.table(
      [
        "language", "files", "MB", "examples", "parse MB/s", "carve MB/s", "share", "carve MB/s and core",
        "peak MB",
      ],
      rows.map { row in
        [
          row.name, "\(row.files)", Figures.decimal(Double(row.bytes) / 1e6, 1), "\(row.examples)",
          Figures.decimal(row.speed(row.parsing), 2), Figures.decimal(row.speed(row.carving), 2),
          Figures.decimal(Row.median(row.ratios) * 100, 0) + " %",
          Figures.decimal(row.speed(row.carving) / Double(threads), 2), "\(row.peakMegabytes)",
        ]
      }, alignment: [.left] + Array(repeating: .right, count: 8))
    console.emit(json: [
      "path": .string(path), "threads": .int(threads), "rounds": .int(rounds),
      "rows": .array(
        rows.map { row in
          [
            "language": .string(row.name), "files": .int(row.files), "bytes": .int(row.bytes),
            "examples": .int(row.examples), "parse_mb_per_second": .double(row.speed(row.parsing)),
            "carve_mb_per_second": .double(row.speed(row.carving)),
            "carve_mb_per_second_and_core": .double(row.speed(row.carving) / Double(threads)),
            "ratio": .double(Row.median(row.ratios)), "ratios": .array(row.ratios.map { .double($0) }),
            "parse_seconds": .array(row.parsing.map { .double($0) }),
            "carve_seconds": .array(row.carving.map { .double($0) }),
            "peak_megabytes": .int(row.peakMegabytes),
          ]
        }),
    ])
  }
}

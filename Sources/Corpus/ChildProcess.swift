import Foundation

/// A program at work for us: we may hold its standard input, read its standard output, and wait for its end.
///
/// Not Foundation's `Process`: there, a child inherits what another thread is just opening for a child of its own, and
/// two that hold each other's ends of a socket never end. Here every descriptor of ours is closed on exec from its
/// making, and the child closes everything else that it finds open.
public struct ChildProcess: Sendable {
  /// What the program writes; the caller closes it.
  public let output: Int32
  private let identifier: pid_t

  /// Ends of a child's files that are ours until the child has them.
  private struct Ends {
    var open: [Int32] = []

    mutating func add(_ descriptor: Int32) throws(Failure) -> Int32 {
      guard descriptor >= 0 else { throw Failure(code: errno) }
      open.append(descriptor)
      return descriptor
    }

    func close() {
      for descriptor in open { Foundation.close(descriptor) }
    }
  }

  /// An error number of the system.
  public struct Failure: Error {
    let code: Int32
    /// No program of the name is in `PATH`.
    public var isMissingProgram: Bool { code == ENOENT }
    /// What the system says.
    public var reason: String { String(cString: strerror(code)) }
  }

  /// Starts a program that is found in `PATH`.
  ///
  /// - Parameters:
  ///   - input: becomes its standard input, and stays open here; nil for nothing to read.
  ///   - messages: becomes its standard error, and stays open here; nil to drop what it says.
  /// - Throws: what the system says.
  public init(
    _ program: String, _ arguments: [String], environment: [String: String], input: Int32? = nil,
    messages: Int32? = nil
  ) throws(Failure) {
    var ends = Ends()
    defer { ends.close() }
    let (reading, writing) = try Self.connection()
    ends.open.append(writing)
    do throws(Failure) {
      let nothing = try ends.add(open("/dev/null", O_RDWR | O_CLOEXEC))
      identifier = try Self.spawn(
        [program] + arguments, environment: environment,
        files: [input ?? nothing, writing, messages ?? nothing])
      output = reading
    } catch {
      close(reading)
      throw error
    }
  }

  /// Two ends of a socket that are closed on exec. Unlike a pipe's, an end whose other end is closed raises no signal
  /// when it is written with `MSG_NOSIGNAL`.
  static func connection() throws(Failure) -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure(code: errno) }
    return (ends[0], ends[1])
  }

  /// - Parameter files: what becomes descriptors 0, 1 and 2.
  private static func spawn(
    _ words: [String], environment: [String: String], files: [Int32]
  ) throws(Failure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (place, file) in files.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, file, Int32(place))
    }
    for other in 3..<inheritable() { posix_spawn_file_actions_addclose(&actions, other) }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own: Ctrl-C is ours to answer. No signal is blocked or ignored only because it is so here.
    var none = sigset_t()
    var usual = sigset_t()
    sigemptyset(&none)
    sigfillset(&usual)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] =
      environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in arguments + variables { free(text) } }
    var identifier: pid_t = 0
    let code = posix_spawnp(&identifier, words[0], &actions, &attributes, &arguments, &variables)
    guard code == 0 else { throw Failure(code: code) }
    return identifier
  }

  /// One more than the highest descriptor that is open, with room for those that other threads open meanwhile.
  private static func inheritable() -> Int32 {
    let open = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    return (open.compactMap { Int32($0) }.max() ?? 1_024) + 128
  }

  /// Waits for the end of the program; once.
  ///
  /// - Returns: its exit code; 128 and the number of the signal where one ended it.
  public func waitForExit() -> Int32 {
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0 {
      if errno != EINTR { return 128 }
    }
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }
}

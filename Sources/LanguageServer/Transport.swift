import Foundation

/// What arrives from a client.
public enum Incoming: Sendable {
  /// The content of a message.
  case message([UInt8])
  /// A frame that could not be read.
  case broken(String)
}

/// A connection to a client: messages in order, and a way to send.
public struct Transport: Sendable {
  /// Messages in order; ends when the client is gone.
  public let incoming: AsyncStream<Incoming>
  /// Queues the content of a message for sending; never blocks.
  public let send: @Sendable (_ content: [UInt8]) -> Void
  /// Returns when everything queued has been sent.
  public let flush: @Sendable () async -> Void
  /// Ends `incoming` when the process with this identifier dies.
  public let watch: @Sendable (_ process: Int32) -> Void

  /// Creates a connection.
  public init(
    incoming: AsyncStream<Incoming>, send: @escaping @Sendable ([UInt8]) -> Void,
    flush: @escaping @Sendable () async -> Void = {}, watch: @escaping @Sendable (Int32) -> Void = { _ in }
  ) {
    self.incoming = incoming
    self.send = send
    self.flush = flush
    self.watch = watch
  }

  /// The connection over standard input and output.
  ///
  /// Takes standard output for itself: whatever else writes to it from now on goes to standard error. Reading has its
  /// own thread and writing its own queue, so that neither a slow client nor a busy server blocks the other.
  public static func standard() -> Transport {
    signal(SIGPIPE, SIG_IGN)
    let output = dup(STDOUT_FILENO)
    dup2(STDERR_FILENO, STDOUT_FILENO)
    return overDescriptors(input: STDIN_FILENO, output: output)
  }

  /// A connection over two file descriptors.
  static func overDescriptors(input: Int32, output: Int32) -> Transport {
    let (stream, continuation) = AsyncStream.makeStream(of: Incoming.self)
    let reader = Thread { read(input, into: continuation) }
    reader.name = "lsp reader"
    reader.stackSize = 512 << 10
    reader.start()
    let queue = DispatchQueue(label: "gemfill.lsp.writer", qos: .userInitiated)
    return Transport(
      incoming: stream,
      send: { content in queue.async { write(MessageFramer.frame(content), to: output) } },
      flush: { await withCheckedContinuation { done in queue.async { done.resume() } } },
      watch: { process in watch(process, continuation) })
  }

  private static func read(_ descriptor: Int32, into continuation: AsyncStream<Incoming>.Continuation) {
    var framer = MessageFramer()
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = buffer.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR || errno == EAGAIN {
        if errno == EAGAIN { usleep(10_000) }
        continue
      }
      guard count > 0 else { break }
      for output in framer.feed(buffer[..<count]) {
        switch output {
        case .message(let content): continuation.yield(.message(content))
        case .broken(let problem): continuation.yield(.broken(problem))
        }
      }
    }
    continuation.finish()
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { raw -> Int in
        guard let base = raw.baseAddress else { return 0 }
        return Foundation.write(descriptor, base + written, bytes.count - written)
      }
      if count < 0, errno == EINTR || errno == EAGAIN {
        if errno == EAGAIN { usleep(1_000) }
        continue
      }
      guard count > 0 else { return }
      written += count
    }
  }

  /// Looks every five seconds whether the editor is still there.
  private static func watch(_ process: Int32, _ continuation: AsyncStream<Incoming>.Continuation) {
    guard process > 0 else { return }
    let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "gemfill.lsp.parent"))
    timer.schedule(deadline: .now() + 5, repeating: 5, leeway: .seconds(1))
    timer.setEventHandler {
      guard kill(process, 0) != 0, errno == ESRCH else { return }
      timer.cancel()
      continuation.finish()
    }
    timer.resume()
  }
}

/// Notices that other processes keep taking cores away from a team, from the time it spends at barriers.
struct Crowding {
  /// When the team is tried again.
  private var aloneUntil: ContinuousClock.Instant?
  private var pause = Self.shortest

  private static let shortest = Duration.milliseconds(20)
  private static let longest = Duration.milliseconds(640)

  /// The caller should work alone.
  var isCrowded: Bool { aloneUntil.map { $0 > .now } ?? false }

  /// Takes note of one job of the team. `stalled` is what its members waited for threads that did not run; a job that
  /// loses more than half of its time that way is done sooner by one thread. Each time in a row that the team proves
  /// crowded, it stays away for longer.
  mutating func note(stalled: Duration, of total: Duration, now: ContinuousClock.Instant = .now) {
    if stalled > total / 2 {
      aloneUntil = now + pause
      pause = min(pause * 2, Self.longest)
    } else {
      aloneUntil = nil
      pause = Self.shortest
    }
  }
}

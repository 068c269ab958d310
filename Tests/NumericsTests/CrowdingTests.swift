import Foundation
import Testing

@testable import Numerics

@Suite struct CrowdingTests {
  @Test func aTeamThatKeepsWaitingStaysAwayLongerAndComesBackWhenItPays() {
    var crowding = Crowding()
    #expect(!crowding.isCrowded)
    let start = ContinuousClock.now
    crowding.note(stalled: .milliseconds(4), of: .milliseconds(10), now: start)
    #expect(!crowding.isCrowded)
    crowding.note(stalled: .milliseconds(6), of: .milliseconds(10), now: start + .seconds(60))
    #expect(crowding.isCrowded)
    var once = Crowding()
    once.note(stalled: .milliseconds(6), of: .milliseconds(10), now: start - .milliseconds(100))
    #expect(!once.isCrowded, "the first pause is short")
    for _ in 0..<10 {
      once.note(stalled: .milliseconds(6), of: .milliseconds(10), now: start - .milliseconds(100))
    }
    #expect(once.isCrowded, "pauses grow")
    once.note(stalled: .zero, of: .milliseconds(10), now: start)
    once.note(stalled: .milliseconds(6), of: .milliseconds(10), now: start - .milliseconds(100))
    #expect(!once.isCrowded, "a job without waiting resets them")
  }

  @Test func aTeamCrowdedOutWorksAloneAndDoesEverything() {
    let pool = WorkerPool(threads: 2)
    var counts: [Int] = []
    for _ in 0..<6 {
      let parts = Buffer<Int>(2)
      pool.team { member in
        for value in member.share(100) { parts.pointer[member.rank] += value }
        // The other member loses its core for longer than the whole rest takes.
        if member.rank == 1 { Thread.sleep(forTimeInterval: 0.005) }
        member.wait()
        member.single { counts.append(member.count) }
      }
      #expect(parts[0] + parts[1] == 4950)
    }
    #expect(counts.first == 2 && counts.dropFirst().contains(1))
  }

  @Test func aLongSingleStepIsNoCrowd() {
    let pool = WorkerPool(threads: 2)
    var counts: [Int] = []
    for _ in 0..<6 {
      pool.team { member in
        if member.rank == 0 { counts.append(member.count) }
        member.single { Thread.sleep(forTimeInterval: 0.004) }
      }
    }
    #expect(counts == [2, 2, 2, 2, 2, 2])
  }

  @Test func poolsOfAnySizeEndWithTheirLastOwner() {
    weak var two: WorkerPool?
    weak var four: WorkerPool?
    do {
      let (a, b) = (WorkerPool(threads: 2), WorkerPool(threads: 4))
      a.run(4) { _ in }
      b.run(4) { _ in }
      two = a
      four = b
    }
    #expect(two == nil && four == nil)
  }
}

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

  @Test func aCrowdedTeamWorksAloneAndDoesEverything() {
    let pool = WorkerPool(threads: 2)
    let sum = Buffer<Int>(1)
    for _ in 0..<200 {
      let parts = Buffer<Int>(2)
      pool.team { member in
        for value in member.share(100) { parts.pointer[member.rank] += value }
        member.wait()
        member.single { sum.pointer[0] += parts.pointer[0] + parts.pointer[1] }
      }
    }
    #expect(sum[0] == 200 * 4950)
  }
}

import Testing

@testable import Corpus

@Suite struct SplitTests {
  /// Computed once with another program.
  private let heldOut = ["src/file1.py", "src/file27.py", "src/file41.py", "src/file49.py"]

  @Test func theSamePathsAreHeldOutAsEver() {
    let held = (0..<60).map { "src/file\($0).py" }.filter(ValidationSplit.holds)
    #expect(held == heldOut)
    let share = (0..<20_000).count { ValidationSplit.holds("a/b\($0)/c.swift") }
    #expect(share > 900 && share < 1_100)
  }

  @Test func nothingIsHeldOutWhereNothingWouldRemain() {
    let (train, validation) = ValidationSplit.split(heldOut, by: { $0 })
    #expect(train == heldOut && validation.isEmpty)
  }

  @Test func noClusterHasMembersInTwoParts() {
    var code = RandomCode(seed: 11)
    var planner = SplitPlanner()
    var family: [Int] = []
    for number in 0..<200 {
      let original = code.file(functions: 3)
      for copy in 0..<3 {
        let text = copy == 0 ? original : code.renaming(1, in: original)
        planner.add(
          path: "f\(number)/copy\(copy).py", fingerprint: Fingerprint(Array(text.utf8)),
          state: copy == 2 ? .test : .training)
        family.append(number)
      }
    }
    var parts: [Int: [SplitPlanner.Part]] = [:]
    for (number, decision) in planner.decisions().enumerated() {
      if case .part(let part) = decision { parts[family[number], default: []].append(part) }
    }
    #expect(parts.count == 200 && parts.values.allSatisfy { $0.count == 1 })
    #expect(parts.values.contains([.validation]) && parts.values.contains([.train]))
    #expect(!parts.values.contains([.test]))
  }

  @Test func aNewFileThatCopiesATrainingFileIsNoTest() {
    var code = RandomCode(seed: 12)
    let old = code.file(functions: 5)
    let near = code.renaming(1, in: old)
    let new = code.file(functions: 5)
    var planner = SplitPlanner()
    func add(_ path: String, _ text: String, _ state: SplitPlanner.State) {
      planner.add(path: path, fingerprint: Fingerprint(Array(text.utf8)), state: state)
    }
    add("old.py", old, .training)
    add("old.py", near, .test)
    add("copied.py", near, .test)
    add("moved.py", old, .test)
    add("new.py", new, .test)
    add("new2.py", new, .test)
    let decisions = planner.decisions()
    #expect(decisions[0] == .part(.train))
    #expect(decisions[1] == .part(.test))
    guard case .refused(.nearDuplicate, of: 0, let jaccard) = decisions[2] else {
      Issue.record("\(decisions[2])")
      return
    }
    #expect(jaccard > 0.7 && jaccard < 1)
    #expect(decisions[3] == .refused(.duplicate, of: 0, jaccard: 1))
    #expect(decisions[4] == .part(.test))
    #expect(decisions[5] == .refused(.duplicate, of: 4, jaccard: 1))
  }
}

import Testing

@testable import Corpus

@Suite struct DuplicateFinderTests {
  /// Families of near-copies among unrelated files of the same project.
  private func corpus(families: Int, seed: UInt64) -> (texts: [String], family: [Int]) {
    var code = RandomCode(seed: seed)
    var (texts, family): ([String], [Int]) = ([], [])
    for number in 0..<families {
      let original = code.file(functions: 6)
      for copy in 0..<(number % 4 + 1) {
        texts.append(copy == 0 ? original : code.renaming(2, in: original))
        family.append(number)
      }
    }
    return (texts, family)
  }

  @Test func findsFamiliesAsComparingAllPairsDoes() {
    let (texts, family) = corpus(families: 30, seed: 3)
    var finder = DuplicateFinder()
    for text in texts { finder.add(Fingerprint(Array(text.utf8)), rank: 0) }
    let kept = finder.keptOfClusters()
    for left in texts.indices {
      for right in 0..<left {
        let isSame = kept[left] == kept[right]
        #expect(isSame == (family[left] == family[right]))
        if !isSame { #expect(exactJaccard(texts[left], texts[right]) < 0.7) }
      }
    }
    // The planted copies are near the original, but not equal to it.
    let similarities = finder.verdicts().compactMap { verdict in
      if case .nearDuplicate(_, let jaccard) = verdict { jaccard } else { nil }
    }
    #expect(similarities.count == texts.count - 30)
    #expect(similarities.allSatisfy { $0 > 0.7 && $0 < 1 })
  }

  @Test func keepsTheHighestRankThenTheSmallestName() {
    var code = RandomCode(seed: 4)
    let text = code.file(functions: 4)
    let near = code.renaming(1, in: text)
    var finder = DuplicateFinder()
    finder.add(Fingerprint(Array(text.utf8)), rank: 1, name: "b")
    finder.add(Fingerprint(Array(near.utf8)), rank: 2, name: "z")
    finder.add(Fingerprint(Array((text + "\n").utf8)), rank: 1, name: "a")
    finder.add(Fingerprint(Array((near + " ").utf8)), rank: 2, name: "y")
    finder.add(Fingerprint(Array(code.file(functions: 4).utf8)), rank: 0, name: "x")
    let verdicts = finder.verdicts()
    #expect(verdicts[3] == .kept(cluster: 3))
    #expect(verdicts[1] == .duplicate(of: 3))
    #expect(verdicts[4] == .kept(cluster: 4))
    guard case .nearDuplicate(of: 3, let jaccard) = verdicts[0] else {
      Issue.record("\(verdicts[0])")
      return
    }
    #expect(jaccard > 0.7 && jaccard < 1 && verdicts[2] == verdicts[0])
  }

  @Test func orderOfAddingDoesNotMatter() {
    let (texts, _) = corpus(families: 30, seed: 5)
    var generator = TestGenerator(state: 1)
    let files = texts.enumerated().map {
      (name: "f\($0.offset)", fingerprint: Fingerprint(Array($0.element.utf8)), rank: $0.offset % 3)
    }
    func keptNames(_ files: [(name: String, fingerprint: Fingerprint, rank: Int)]) -> [String: String] {
      var finder = DuplicateFinder()
      for file in files { finder.add(file.fingerprint, rank: file.rank, name: file.name) }
      let kept = finder.keptOfClusters()
      return Dictionary(uniqueKeysWithValues: files.indices.map { (files[$0].name, files[kept[$0]].name) })
    }
    let expected = keptNames(files)
    for _ in 0..<10 { #expect(keptNames(files.shuffled(using: &generator)) == expected) }
  }

  @Test func shortFilesAreDuplicatesOnlyIfEqual() {
    var finder = DuplicateFinder()
    for text in ["import os", "import  os\n", "import re", "", " "] {
      finder.add(Fingerprint(Array(text.utf8)), rank: 0)
    }
    #expect(
      finder.verdicts() == [
        .kept(cluster: 0), .duplicate(of: 0), .kept(cluster: 2), .kept(cluster: 3), .duplicate(of: 3),
      ])
  }

  @Test func thousandsOfUnlikeFilesInOneBandAreNotComparedPairwise() {
    var clusters = SimilarityClusters(count: 20_000)
    var asked = 0
    clusters.unite(band: (0..<20_000).map { (key: 7, item: Int32($0)) }) { _, _ in
      asked += 1
      return false
    }
    #expect(asked <= 20_000 * SimilarityClusters.headLimit)
    // Through the finder: equal rows in all bands but unlike otherwise is impossible, equal rows in one band is not.
    var generator = TestGenerator(state: 2)
    var finder = DuplicateFinder()
    for _ in 0..<3_000 {
      var bytes = (0..<528).map { _ in UInt8.random(in: 0...255, using: &generator) }
      bytes.replaceSubrange(16..<36, with: [UInt8](repeating: 1, count: 20))
      finder.add(Fingerprint(bytes: bytes) ?? Fingerprint([]), rank: 0)
    }
    #expect(Set(finder.keptOfClusters()).count == 3_000)
  }

  @Test func thousandsOfCopiesAreOneCluster() {
    var code = RandomCode(seed: 6)
    let text = code.file(functions: 5)
    var finder = DuplicateFinder()
    for number in 0..<3_000 {
      finder.add(Fingerprint(Array((text + "\nx = \(number)\n").utf8)), rank: number)
    }
    #expect(Set(finder.keptOfClusters()) == [2_999])
  }

  @Test func chainsAreOneCluster() {
    // Each file shares 90 % of its functions with the next; the ends have nothing in common.
    var code = RandomCode(seed: 7)
    let functions = (0..<60).map { _ in code.function(statements: 6) }
    var finder = DuplicateFinder()
    for start in 0...40 {
      finder.add(Fingerprint(Array(functions[start..<start + 20].joined().utf8)), rank: start)
    }
    let verdicts = finder.verdicts()
    #expect(Set(finder.keptOfClusters()) == [40])
    guard case .nearDuplicate(of: 40, let jaccard) = verdicts[0] else {
      Issue.record("\(verdicts[0])")
      return
    }
    #expect(jaccard < 0.1)
  }
}

@Suite struct FunctionCopiesTests {
  private func fingerprints(_ functions: [String]) -> [FunctionFingerprint] {
    let text = functions.joined(separator: "\n")
    let shingles = Shingles(Array(text.utf8))
    var start = 0
    return functions.compactMap { function in
      defer { start += function.utf8.count + 1 }
      return FunctionFingerprint(start..<start + function.utf8.count, of: shingles)
    }
  }

  @Test func theThirdCopyOfAHelperIsSurplus() {
    var code = RandomCode(seed: 8)
    let helper = code.function(statements: 25)
    var copies = FunctionCopies()
    var helpers: [Range<Int>] = []
    for file in 0..<6 {
      let functions = [
        code.function(statements: 15), file == 0 ? helper : code.renaming(1, in: helper),
        code.function(statements: 15),
      ]
      let fingerprints = fingerprints(functions)
      #expect(fingerprints.count == 3)
      helpers.append(fingerprints[1].range)
      copies.add(fingerprints, rank: 6 - file, name: "file\(file)")
    }
    let surplus = copies.surplus()
    #expect(surplus == [[], [], [helpers[2]], [helpers[3]], [helpers[4]], [helpers[5]]])
  }

  @Test func theSameFunctionHasTheSameFingerprintAnywhere() {
    var code = RandomCode(seed: 9)
    let function = code.function(statements: 20)
    let one = fingerprints([code.function(statements: 5), function])
    let other = fingerprints([function, code.function(statements: 30)])
    #expect(one[1].bands == other[0].bands && one[1].bits == other[0].bits)
    #expect(one[1].similarity(to: other[0]) == 1)
    #expect(abs(one[1].similarity(to: other[1])) < 0.4)
  }

  @Test func shortFunctionsAreNobodysCopies() {
    #expect(fingerprints(["def name(self): return self.name"]).isEmpty)
  }

  @Test func orderOfAddingDoesNotMatter() {
    var code = RandomCode(seed: 10)
    let helpers = (0..<5).map { _ in code.function(statements: 20) }
    let files = (0..<20).map { file in
      (name: "file\(file)", functions: fingerprints([code.function(statements: 9), helpers[file % 5]]))
    }
    func surplus(_ order: [Int]) -> [String: [Range<Int>]] {
      var copies = FunctionCopies()
      for file in order { copies.add(files[file].functions, rank: file % 2, name: files[file].name) }
      return Dictionary(uniqueKeysWithValues: zip(order.map { files[$0].name }, copies.surplus()))
    }
    let expected = surplus(Array(0..<20))
    #expect(expected.values.count { !$0.isEmpty } == 10)
    var generator = TestGenerator(state: 3)
    for _ in 0..<5 { #expect(surplus((0..<20).shuffled(using: &generator)) == expected) }
  }
}

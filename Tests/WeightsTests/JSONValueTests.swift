import Testing

@testable import Weights

@Suite("JSON")
struct JSONValueTests {
  @Test func keepsTheOrderOfKeysAndTheKindOfNumbers() throws {
    let text = #"{"z":1,"a":-2.5,"m":[true,false,null,1e3,"\"\\/\n"],"e":{}}"#
    let value = try JSONValue(parsing: text)
    #expect(value.objectValue?.keys == ["z", "a", "m", "e"])
    #expect(value["z"] == .int(1))
    #expect(value["a"] == .double(-2.5))
    #expect(value["m"]?[3]?.intValue == 1000)
    #expect(value["m"]?[4]?.stringValue == "\"\\/\n")
    #expect(value["nothing"] == nil && value["m"]?[9] == nil)
  }

  @Test(arguments: [false, true])
  func writesWhatItReads(pretty: Bool) throws {
    let value: JSONValue = [
      "text": "é😀\u{0}\u{7F}\"\\\r\n\t", "numbers": [0, -1, .int(.max), .int(.min), 0.1, 1e300, -1e-300],
      "empty": [[], [:], ""], "nested": [["a": ["b": [nil, true]]]],
    ]
    #expect(try JSONValue(parsing: value.serialized(pretty: pretty)) == value)
  }

  @Test func undoesEscapes() throws {
    #expect(try JSONValue(parsing: #""\u00e9\ud83d\ude00\b\f""#) == "é😀\u{8}\u{C}")
    #expect(try JSONValue(parsing: #""\ud83dx\ude00""#) == "\u{FFFD}x\u{FFFD}")
    #expect(try JSONValue(parsing: #""\ud83d\u0041""#) == "\u{FFFD}A")
  }

  @Test func integersThatDoNotFitBecomeDoubles() throws {
    #expect(try JSONValue(parsing: "9223372036854775808") == .double(9_223_372_036_854_775_808))
  }

  @Test(arguments: [
    "", " ", "{", "[", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "01", "-", "1.", ".5", "1e",
    "+1",
    "nul", "truee", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u00g0\"", "\"\u{1}\"", "1 2", "1e999", "'a'",
  ])
  func refuses(text: String) {
    #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
  }

  @Test func refusesBrokenUTF8() {
    #expect(throws: JSONError(byteOffset: 1, problem: "the string is not valid UTF-8")) {
      try JSONValue(parsing: [0x22, 0xFF, 0x22])
    }
  }

  @Test func deepNestingIsAnErrorAndNoCrash() throws {
    #expect(throws: JSONError.self) {
      try JSONValue(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000))
    }
    let allowed = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
    _ = try JSONValue(parsing: allowed)
  }

  @Test func keysAreComparedByBytes() throws {
    let value = try JSONValue(parsing: #"{"\u00e9":1,"e\u0301":2}"#)
    #expect(value.objectValue?.count == 2)
    #expect(value["\u{e9}"] == 1)
    #expect(value["e\u{301}"] == 2)
  }

  @Test func objectsCanBeChanged() {
    var value = JSONValue.null
    for index in 0..<20 { value["k\(index)"] = .int(index) }
    value["k3"] = nil
    value["k19"] = "last"
    #expect(value.objectValue?.count == 19)
    #expect(value["k3"] == nil && value["k4"] == 4 && value["k19"] == "last")
    #expect(value.objectValue?.keys.prefix(4) == ["k0", "k1", "k2", "k4"])
  }

  @Test func damagedTextNeverCrashes() {
    let text = Array(#"{"a":[1,2.5e-3,"x\u00e9y",{"b":null}],"c":true,"é":"😀"}"#.utf8)
    var refused = 0
    for damaged in mutations(of: text, count: 2000, seed: 3) {
      do { _ = try JSONValue(parsing: damaged).serialized() } catch { refused += 1 }
    }
    #expect(refused > 500)
  }
}

@Suite("SHA-256")
struct SHA256Tests {
  @Test func agreesWithTheStandard() {
    #expect(SHA256.hash([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      SHA256.hash(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    #expect(
      SHA256.hash(Array(long.utf8)) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      SHA256.hash([UInt8](repeating: 0x61, count: 1_000_000))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func piecesGiveTheSameAsTheWhole() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for size in [1, 3, 55, 56, 63, 64, 65, 127, 500] {
      var state = SHA256State()
      var rest = bytes[...]
      while !rest.isEmpty {
        Array(rest.prefix(size)).withUnsafeBytes { state.update($0) }
        rest = rest.dropFirst(size)
      }
      #expect(state.finish() == SHA256.hash(bytes))
    }
  }

  @Test func filesGiveTheHashOfTheirBytes() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
    #expect(try SHA256.hash(file: folder.file("data", bytes)) == SHA256.hash(bytes))
    #expect(throws: WeightsError.self) { try SHA256.hash(file: folder.path + "/missing") }
    #expect(throws: WeightsError.self) { try SHA256.hash(file: folder.path) }
  }
}

/// Finds what a mistyped word was meant to be.
public enum Spelling {
  /// The nearest name within a third of its length, rounded up; nil where none is so near.
  public static func nearest(_ word: String, among names: [String]) -> String? {
    let typed = Array(word.prefix(40))
    let nearest = names.map { (distance: distance(typed, Array($0)), name: $0) }
      .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
    guard let nearest, nearest.distance <= (nearest.name.count + 2) / 3 else { return nil }
    return nearest.name
  }

  /// `; did you mean 'x'?` for the nearest name, nothing where there is none.
  public static func hint(_ word: String, among names: [String]) -> String {
    nearest(word, among: names).map { "; did you mean '\($0)'?" } ?? ""
  }

  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (i, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in right.enumerated() {
        let replaced = diagonal + (letter == other ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[right.count]
  }
}

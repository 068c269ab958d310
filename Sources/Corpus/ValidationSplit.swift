/// The files that are never trained on: 5 % by a hash of their paths, so that they are the same in every run.
public enum ValidationSplit {
  /// True for the path of a file that is held out for validation.
  public static func holds(_ path: String) -> Bool {
    path.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 } % 20 == 0
  }

  /// Parts items by their paths. Where all would be held out, none are: there must be something to learn from.
  public static func split<Item>(
    _ items: [Item], by path: (Item) -> String
  ) -> (train: [Item], validation: [Item]) {
    let train = items.filter { !holds(path($0)) }
    return train.isEmpty ? (items, []) : (train, items.filter { holds(path($0)) })
  }
}

extension StringProtocol {
  /// Text without the control characters by which a file could command the terminal; lines and tabs stay, and lines end
  /// with a line feed alone.
  var printable: String {
    String(
      String.UnicodeScalarView(
        String(self).replacing("\r\n", with: "\n").unicodeScalars.map { scalar in
          let category = scalar.properties.generalCategory
          let isCommand = category == .control || category == .format
          return isCommand && scalar != "\n" && scalar != "\t" ? "\u{FFFD}" : scalar
        }))
  }

  /// As `printable`, on one line: for paths and other names.
  var printableName: String {
    String(printable.map { $0.isNewline || $0 == "\t" ? "\u{FFFD}" : $0 })
  }
}

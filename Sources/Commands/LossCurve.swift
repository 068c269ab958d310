import Foundation

/// A picture of a run: training loss, held-out loss and learning rate over the steps. The same numbers give the same bytes.
struct LossCurve {
  /// One line of a panel.
  struct Line {
    var points: [(x: Double, y: Double)]
    var colour: String
    /// Thin and pale: the raw values beneath a smoothed line.
    var isFaint = false
    /// Each point gets a mark.
    var hasMarks = false
  }

  /// One pair of axes.
  struct Panel {
    /// What the vertical axis shows, with its unit.
    var label: String
    var lines: [Line]
  }

  let title: String
  let panels: [Panel]

  private static let (width, height, left, right, top, gap) = (760.0, 190.0, 84.0, 20.0, 44.0, 34.0)

  /// The curve of a run.
  ///
  /// - Parameters:
  ///   - points: steps in their order.
  ///   - heldOut: held-out loss by step, nats per byte.
  init(title: String, points: [MetricsFile.Point], heldOut: [(step: Int, loss: Double)]) {
    self.title = title
    let raw = Self.thinned(points.map { (Double($0.step), $0.loss) })
    var panels = [
      Panel(
        label: "training loss (nats per token)",
        lines: [
          Line(points: raw, colour: "#5b8ff9", isFaint: true),
          Line(points: Self.smoothed(raw), colour: "#1d4ed8"),
        ])
    ]
    let measured = heldOut.map { (x: Double($0.step), y: $0.loss) }
    if !measured.isEmpty {
      panels.append(
        Panel(
          label: "held-out loss (nats per byte)",
          lines: [Line(points: measured, colour: "#c2410c", hasMarks: true)]))
    }
    panels.append(
      Panel(
        label: "learning rate",
        lines: [
          Line(points: Self.thinned(points.map { (Double($0.step), $0.learningRate) }), colour: "#15803d")
        ]))
    self.panels = panels
  }

  /// The document.
  var svg: String {
    let all = panels.flatMap { $0.lines.flatMap(\.points) }
    let columns = Self.bounds(all.map(\.x))
    let total = Self.top + Double(panels.count) * (Self.height + Self.gap) + 24
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(Int(Self.width))" height="\(Int(total))" \
      viewBox="0 0 \(Int(Self.width)) \(Int(total))" font-family="sans-serif" font-size="12">
      <rect width="100%" height="100%" fill="#ffffff"/>
      <text x="\(Int(Self.left))" y="24" font-size="15" fill="#111827">\(Self.escaped(title))</text>

      """
    for (index, panel) in panels.enumerated() {
      let y = Self.top + Double(index) * (Self.height + Self.gap)
      text += draw(panel, y: y, columns: columns)
    }
    let middle = (Self.left + Self.width - Self.right) / 2
    text += Self.text("step", x: middle, y: total - 8, anchor: "middle")
    return text + "</svg>\n"
  }

  private func draw(_ panel: Panel, y top: Double, columns: ClosedRange<Double>) -> String {
    let rows = Self.bounds(panel.lines.flatMap { $0.points.map(\.y) })
    let bottom = top + Self.height
    let span = Self.width - Self.left - Self.right
    func x(_ value: Double) -> Double {
      Self.left + (value - columns.lowerBound) / (columns.upperBound - columns.lowerBound) * span
    }
    func y(_ value: Double) -> Double {
      bottom - (value - rows.lowerBound) / (rows.upperBound - rows.lowerBound) * Self.height
    }
    var text = Self.text(panel.label, x: Self.left, y: top - 6, anchor: "start")
    for tick in Self.ticks(rows) {
      text += Self.rule(Self.left, y(tick), Self.width - Self.right, y(tick))
      text += Self.text(Self.short(tick), x: Self.left - 8, y: y(tick) + 4, anchor: "end")
    }
    for tick in Self.ticks(columns) where tick == tick.rounded() {
      text += Self.rule(x(tick), top, x(tick), bottom)
      text += Self.text(Self.short(tick), x: x(tick), y: bottom + 16, anchor: "middle")
    }
    for line in panel.lines {
      let path = line.points.map { Self.place(x($0.x), y($0.y)) }
      let style = line.isFaint ? "stroke-width=\"1\" opacity=\"0.45\"" : "stroke-width=\"1.8\""
      text +=
        "<polyline fill=\"none\" stroke=\"\(line.colour)\" \(style) points=\"\(path.joined(separator: " "))\"/>\n"
      for point in line.points where line.hasMarks {
        text += String(
          format: "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%@\"/>\n", x(point.x), y(point.y),
          line.colour)
      }
    }
    return text
  }

  // MARK: Numbers

  /// At most this many points: more cannot be told apart.
  private static let mostPoints = 700

  /// Means of neighbouring points; what is no number is left out.
  private static func thinned(_ points: [(Double, Double)]) -> [(x: Double, y: Double)] {
    let points = points.filter { $0.1.isFinite }
    let size = max(1, (points.count + mostPoints - 1) / mostPoints)
    return stride(from: 0, to: points.count, by: size).map { start in
      let part = points[start..<min(start + size, points.count)]
      let sum = part.reduce((0.0, 0.0)) { ($0.0 + $1.0, $0.1 + $1.1) }
      return (sum.0 / Double(part.count), sum.1 / Double(part.count))
    }
  }

  /// Exponential mean over about ten points, without the pull of its start.
  private static func smoothed(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    var (sum, weight) = (0.0, 0.0)
    return points.map { point in
      sum = 0.9 * sum + 0.1 * point.y
      weight = 0.9 * weight + 0.1
      return (point.x, sum / weight)
    }
  }

  /// The smallest and the largest value, never equal.
  private static func bounds(_ values: [Double]) -> ClosedRange<Double> {
    let finite = values.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return 0...1 }
    let room = high > low ? 0 : max(abs(low) * 0.1, 1e-9)
    return (low - room)...(high + room)
  }

  /// Four to ten round numbers.
  private static func ticks(_ bounds: ClosedRange<Double>) -> [Double] {
    let rough = (bounds.upperBound - bounds.lowerBound) / 5
    let power = pow(10, (log10(rough)).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    let first = (bounds.lowerBound / step).rounded(.up)
    return (0..<12).map { (first + Double($0)) * step }.filter { $0 <= bounds.upperBound }
  }

  // MARK: Marks

  private static func short(_ value: Double) -> String { String(format: "%.4g", value == 0 ? 0 : value) }

  private static func place(_ x: Double, _ y: Double) -> String { String(format: "%.1f,%.1f", x, y) }

  private static func rule(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    String(
      format: "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#e5e7eb\"/>\n", x1, y1, x2, y2)
  }

  private static func text(_ content: String, x: Double, y: Double, anchor: String) -> String {
    String(format: "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"", x, y)
      + "\(anchor)\" fill=\"#374151\">\(escaped(content))</text>\n"
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;")
  }
}

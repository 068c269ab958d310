import CKernels

/// The kernel table of one instruction set; the only way from Swift to the C kernels.
public struct Kernels: Sendable, BitwiseCopyable {
  /// Instruction sets for which kernels exist.
  public enum InstructionSet: Int, Sendable, CaseIterable {
    case reference, avx2, avx512VNNI
  }

  // A pointer to a constant table: nothing writes to it.
  nonisolated(unsafe) let table: UnsafePointer<ck_kernels>

  /// The best kernels for this CPU.
  public static let best: Kernels = Kernels(table: ck_best())

  /// The kernels of one instruction set; nil where this CPU lacks it.
  public init?(_ set: InstructionSet) {
    guard let table = ck_table(ck_isa(UInt32(set.rawValue))) else { return nil }
    self.table = table
  }

  private init(table: UnsafePointer<ck_kernels>) {
    self.table = table
  }

  /// Name of the instruction set, as `gemfill doctor` prints it.
  public var name: String { String(cString: table.pointee.name) }

  /// `out[i] = x[i] · gain[i] / rms(x)`; returns `1 / rms(x)`. `gain` holds `1 + w` (Gemma's RMSNorm).
  @discardableResult
  public func rmsNorm(
    _ x: UnsafePointer<Float>, gain: UnsafePointer<Float>, count: Int, epsilon: Float,
    into out: UnsafeMutablePointer<Float>
  ) -> Float {
    table.pointee.rms_norm(x, gain, Int64(count), epsilon, out)
  }

  /// Adds the gradient of `rmsNorm` to `dx`; `inverse` is what the forward call returned.
  public func rmsNormBackward(
    _ x: UnsafePointer<Float>, gain: UnsafePointer<Float>, inverse: Float, dout: UnsafePointer<Float>,
    count: Int,
    addingTo dx: UnsafeMutablePointer<Float>
  ) {
    table.pointee.rms_norm_backward(x, gain, inverse, dout, Int64(count), dx)
  }

  /// Rotates the pairs `(i, i + half)` of one head in place (RoPE, half-split form). `sign` −1 rotates back.
  public func rope(
    _ x: UnsafeMutablePointer<Float>, cosine: UnsafePointer<Float>, sine: UnsafePointer<Float>, half: Int,
    sign: Float = 1
  ) {
    table.pointee.rope(x, cosine, sine, Int64(half), sign)
  }

  /// `out = gelu_tanh(gate) · up`.
  public func geluMul(
    gate: UnsafePointer<Float>, up: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    table.pointee.gelu_mul(gate, up, Int64(count), out)
  }

  /// Gradients of `geluMul`, overwriting `dgate` and `dup`.
  public func geluMulBackward(
    gate: UnsafePointer<Float>, up: UnsafePointer<Float>, dout: UnsafePointer<Float>, count: Int,
    dgate: UnsafeMutablePointer<Float>, dup: UnsafeMutablePointer<Float>
  ) {
    table.pointee.gelu_mul_backward(gate, up, dout, Int64(count), dgate, dup)
  }

  /// `y += a · x`.
  public func axpy(_ a: Float, _ x: UnsafePointer<Float>, count: Int, addingTo y: UnsafeMutablePointer<Float>)
  {
    table.pointee.axpy(a, x, Int64(count), y)
  }

  /// Dot product.
  public func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float {
    table.pointee.dot(a, b, Int64(count))
  }

  /// `x = softmax(scale · x)` in place.
  public func softmax(_ x: UnsafeMutablePointer<Float>, count: Int, scale: Float) {
    table.pointee.softmax(x, Int64(count), scale)
  }

  /// In place of `dp`: the gradient of the scores before `softmax(scale · scores) = p`.
  public func softmaxBackward(
    p: UnsafePointer<Float>, dp: UnsafeMutablePointer<Float>, count: Int, scale: Float
  ) {
    table.pointee.softmax_backward(p, dp, Int64(count), scale)
  }

  /// Attention of one query of one head over the positions in `range`; `stride` floats lie between two positions.
  /// `scores` is scratch for `range.count` floats.
  public func attend(
    query: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>, range: Range<Int>,
    stride: Int, headDim: Int, scale: Float, scores: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    table.pointee.attend(
      query, keys, values, Int64(range.lowerBound), Int64(range.upperBound), Int64(stride), Int64(headDim),
      scale,
      scores, out)
  }

  /// `log Σ exp(x)`.
  public func logSumExp(_ x: UnsafePointer<Float>, count: Int) -> Float {
    table.pointee.log_sum_exp(x, Int64(count))
  }

  /// Index of the largest value, the first of equals.
  public func argmax(_ x: UnsafePointer<Float>, count: Int) -> Int {
    Int(table.pointee.argmax(x, Int64(count)))
  }

  /// Turns `logits` into `weight · (softmax − onehot)` and returns `weight ·` negative log likelihood of `target`.
  public func crossEntropy(
    _ logits: UnsafeMutablePointer<Float>, count: Int, target: Int, weight: Float
  ) -> Float {
    table.pointee.cross_entropy(logits, Int64(count), Int64(target), weight)
  }

  /// Constants of one AdamW step (Loshchilov & Hutter 2019).
  public struct AdamW: Sendable {
    /// Learning rate of this step.
    public var learningRate: Float
    /// Decay of the first moment.
    public var beta1: Float
    /// Decay of the second moment.
    public var beta2: Float
    /// Term that keeps the quotient finite.
    public var epsilon: Float
    /// Decoupled weight decay.
    public var weightDecay: Float
    /// Steps taken, this one included.
    public var step: Int

    /// Creates the constants of one step.
    public init(
      learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, step: Int
    ) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
      self.step = step
    }
  }

  /// One AdamW step over `count` parameters with decoupled weight decay.
  public func adamW(
    parameters: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
    first: UnsafeMutablePointer<Float>,
    second: UnsafeMutablePointer<Float>, count: Int, _ c: AdamW
  ) {
    table.pointee.adamw(
      parameters, gradients, first, second, Int64(count), c.learningRate, c.beta1, c.beta2, c.epsilon,
      c.weightDecay, 1 - power(c.beta1, c.step), 1 - power(c.beta2, c.step))
  }

  private func power(_ base: Float, _ exponent: Int) -> Float {
    var result = 1.0
    for _ in 0..<exponent { result *= Double(base) }
    return Float(result)
  }
}

import Gemma
import Numerics

/// What the backward pass needs of one decoder layer.
///
/// T tokens, H hidden, Q query width, K key/value width, F intermediate, r rank.
final class LayerTape {
  let input: FloatBuffer  // [T, H] residual stream before the layer
  let inputInverse: FloatBuffer  // [T]
  let normed: FloatBuffer  // [T, H] input of q, k, v
  let queryRaw: FloatBuffer  // [T, Q]
  let keyRaw: FloatBuffer  // [T, K]
  let queryInverse: FloatBuffer  // [T, query heads]
  let keyInverse: FloatBuffer  // [T, key heads]
  let query: FloatBuffer  // [T, Q] normed and rotated
  let key: FloatBuffer  // [T, K] normed and rotated
  let value: FloatBuffer  // [T, K]
  let attended: FloatBuffer  // [T, Q]
  let attentionOutput: FloatBuffer  // [T, H] before its norm
  let attentionInverse: FloatBuffer  // [T]
  let middle: FloatBuffer  // [T, H] residual stream between the sublayers
  let middleInverse: FloatBuffer  // [T]
  let middleNormed: FloatBuffer  // [T, H] input of gate and up
  let gate: FloatBuffer  // [T, F]
  let up: FloatBuffer  // [T, F]
  let activated: FloatBuffer  // [T, F] input of down
  let mlpOutput: FloatBuffer  // [T, H] before its norm
  let mlpInverse: FloatBuffer  // [T]
  let low: [FloatBuffer]  // per projection [T, r]: A x

  init(_ d: LayerDescription, hiddenSize: Int, tokens: Int, rank: Int) {
    let h = tokens * hiddenSize
    let q = tokens * d.queryWidth
    let k = tokens * d.keyWidth
    let f = tokens * d.intermediateSize
    input = FloatBuffer(h)
    inputInverse = FloatBuffer(tokens)
    normed = FloatBuffer(h)
    queryRaw = FloatBuffer(q)
    keyRaw = FloatBuffer(k)
    queryInverse = FloatBuffer(tokens * d.headCount)
    keyInverse = FloatBuffer(tokens * d.keyValueHeadCount)
    query = FloatBuffer(q)
    key = FloatBuffer(k)
    value = FloatBuffer(k)
    attended = FloatBuffer(q)
    attentionOutput = FloatBuffer(h)
    attentionInverse = FloatBuffer(tokens)
    middle = FloatBuffer(h)
    middleInverse = FloatBuffer(tokens)
    middleNormed = FloatBuffer(h)
    gate = FloatBuffer(f)
    up = FloatBuffer(f)
    activated = FloatBuffer(f)
    mlpOutput = FloatBuffer(h)
    mlpInverse = FloatBuffer(tokens)
    low = Projection.allCases.map { _ in FloatBuffer(tokens * rank) }
  }
}

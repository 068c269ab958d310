import Numerics

extension InferenceSession {
  /// The first half of a layer: `x += norm(o(attend(q, k, v)))` of the normed `x`, and the side path where there is one.
  func attention(_ index: Int, _ count: Int, _ member: TeamMember) {
    let plan = layers[index]
    norm(x, plan.inputNorm, width: hiddenSize, rows: member.share(count), into: normed)
    quantize(normed, into: plan.attentionInput, count, member)
    adapt(.query, .key, .value, at: index, normed, count, member)
    let inputs = plan.product(.query).tiles + plan.product(.key).tiles + plan.product(.value).tiles
    wait(before: plan.product(.query), tiles: member.share(inputs), count, member)
    observeInput(of: [.query, .key, .value], index, normed, count, member)
    projectInputs(index, count, member)
    if let streams { sidePath(index, streams, count, member) }
    member.wait()
    if plan.description.ownsKeys {
      storeKeysAndValues(index, count, member)
      member.wait()
    }
    attend(index, count, member)
    let outputs = member.share(plan.product(.output).tiles)
    wait(before: plan.product(.output), tiles: outputs, count, member)
    // A head's part of the output is quantised as soon as it is done, where it fills whole blocks.
    let isQuantized = plan.attended == nil || plan.description.headDim % 32 == 0
    if !isQuantized || adapterFactors != nil {
      if !isQuantized { quantize(attended, into: plan.attended, count, member) }
      adapt(.output, at: index, attended, count, member)
      member.wait()
    }
    observeInput(of: [.output], index, attended, count, member)
    project(.output, index, attended, plan.attended, count, tiles: outputs, into: branch)
    member.wait()
    add(branch, norm: plan.postAttentionNorm, count, member)
    if let streams { addSidePath(streams.side, count, member) }
  }

  /// The member's outputs of query, key and value, as one product.
  private func projectInputs(_ index: Int, _ count: Int, _ member: TeamMember) {
    let plan = layers[index]
    let (query, key, value) = (plan.product(.query), plan.product(.key), plan.product(.value))
    let mine = member.share(query.tiles + key.tiles + value.tiles)
    var first = 0
    let input = plan.attentionInput
    project(.query, index, normed, input, count, tiles: part(mine, query, &first), into: q)
    project(.key, index, normed, input, count, tiles: part(mine, key, &first), into: k)
    project(.value, index, normed, input, count, tiles: part(mine, value, &first), into: v)
  }

  /// Keys and values of the member's rows, normed and rotated, into their pages.
  private func storeKeysAndValues(_ index: Int, _ count: Int, _ member: TeamMember) {
    let plan = layers[index]
    let d = plan.description
    for row in member.share(count) {
      let place = places[row]
      let keys = k + row * d.keyWidth
      let values = v + row * d.keyWidth
      if d.valuesAreKeys { values.update(from: keys, count: d.keyWidth) }
      let heads = 0..<d.keyValueHeadCount
      if let gain = plan.valueNorm { norm(values, gain, width: d.headDim, rows: heads, into: values) }
      if let gain = plan.keyNorm { norm(keys, gain, width: d.headDim, rows: heads, into: keys) }
      plan.rotary.rotate(keys, heads: d.keyValueHeadCount, position: place.position, kernels: kernels)
      guard let page = place.pages[place.position / PagedHead.positions] else { continue }
      for head in heads {
        plan.heads[head].store(
          key: keys + head * d.headDim, value: values + head * d.headDim,
          page: UnsafeMutablePointer(mutating: page),
          slot: place.position % PagedHead.positions, kernels: kernels)
      }
    }
  }

  /// How the queries of a layer are shared out: blocks of some tokens times some heads of one key/value head, at most
  /// `PagedHead.rowLimit` queries each.
  private struct Blocks {
    let tokens: Int
    let heads: Int

    init(_ d: LayerDescription, count: Int, isOneSequence: Bool, threads: Int) {
      let group = d.headCount / d.keyValueHeadCount
      var heads = min(group, PagedHead.rowLimit)
      // A single token's heads are parted so that every thread has some.
      while heads > 1 && count * d.keyValueHeadCount * ((group + heads - 1) / heads) < threads {
        heads = (heads + 1) / 2
      }
      self.heads = heads
      tokens = isOneSequence && heads == group ? max(1, PagedHead.rowLimit / heads) : 1
    }
  }

  /// Norms and rotates the queries and lets each look back as far as the layer sees.
  private func attend(_ index: Int, _ count: Int, _ member: TeamMember) {
    let d = layers[index].description
    let isOneSequence = places[0].pages == places[count - 1].pages
    let blocks = Blocks(d, count: count, isOneSequence: isOneSequence, threads: member.count)
    let group = d.headCount / d.keyValueHeadCount
    let parts = (group + blocks.heads - 1) / blocks.heads
    var item = 0
    for first in stride(from: 0, to: count, by: blocks.tokens) {
      let rows = first..<min(count, first + blocks.tokens)
      for keyHead in 0..<d.keyValueHeadCount {
        for part in 0..<parts {
          // In turns: later tokens see more.
          if item % member.count == member.rank {
            let begin = keyHead * group + part * blocks.heads
            attend(index, rows, keyHead, begin..<min((keyHead + 1) * group, begin + blocks.heads))
          }
          item += 1
        }
      }
    }
  }

  private func attend(_ index: Int, _ rows: Range<Int>, _ keyHead: Int, _ heads: Range<Int>) {
    let plan = layers[index]
    let d = plan.description
    withUnsafeTemporaryAllocation(of: QueryRow.self, capacity: PagedHead.rowLimit) { queries in
      var filled = 0
      for row in rows {
        let position = places[row].position
        let query = q + row * d.queryWidth
        if let gain = plan.queryNorm { norm(query, gain, width: d.headDim, rows: heads, into: query) }
        plan.rotary.rotate(
          query + heads.lowerBound * d.headDim, heads: heads.count, position: position, kernels: kernels)
        for head in heads {
          queries[filled] = QueryRow(
            query: query + head * d.headDim, out: attended + row * d.queryWidth + head * d.headDim,
            first: Int64(d.firstVisible(from: position)), last: Int64(position + 1))
          filled += 1
        }
      }
      plan.heads[keyHead].attend(
        pages: places[rows.lowerBound].pages, rows: UnsafeBufferPointer(rebasing: queries[..<filled]),
        kernels: kernels)
    }
    guard let activations = plan.attended, d.headDim % 32 == 0 else { return }
    let columns = heads.lowerBound * d.headDim..<heads.upperBound * d.headDim
    for row in rows {
      activations.set(
        attended + row * d.queryWidth + columns.lowerBound, row: row, columns: columns, kernels: kernels)
    }
  }
}

import Numerics

extension InferenceSession {
  /// The first half of a layer: `x += norm(o(attend(q, k, v)))` of the normed `x`, and the side path where there is one.
  func attention(_ index: Int, _ count: Int, _ member: TeamMember) {
    let layer = model.layers[index]
    let plan = plans[index]
    norm(x.pointer, layer.inputNorm, rows: member.share(count), into: normed.pointer)
    quantize(normed.pointer, into: plan.attentionInput, count, member)
    adapt([.query, .key, .value], index, normed.pointer, count, member)
    member.wait()
    projectInputs(index, count, member)
    if let streams, let laurel = layer.laurel { sidePath(laurel, plan, streams, count, member) }
    member.wait()
    if layer.description.ownsKeys {
      storeKeysAndValues(index, count, member)
      member.wait()
    }
    attend(index, count, member)
    member.wait()
    let isDone = quantizesWhileAttending(index)
    if !isDone || adapter != nil {
      if !isDone { quantize(attended.pointer, into: plan.attended, count, member) }
      adapt([.output], index, attended.pointer, count, member)
      member.wait()
    }
    project([(.output, branch.pointer)], index, attended.pointer, plan.attended, count, member)
    member.wait()
    add(branch.pointer, norm: layer.postAttentionNorm, count, member)
    if let streams, layer.laurel != nil { addSidePath(streams.side, count, member) }
  }

  private func projectInputs(_ index: Int, _ count: Int, _ member: TeamMember) {
    let d = model.layers[index].description
    let input = plans[index].attentionInput
    if !d.ownsKeys {
      project([(.query, q.pointer)], index, normed.pointer, input, count, member)
    } else if d.valuesAreKeys {
      project([(.query, q.pointer), (.key, k.pointer)], index, normed.pointer, input, count, member)
    } else {
      project(
        [(.query, q.pointer), (.key, k.pointer), (.value, v.pointer)], index, normed.pointer, input, count,
        member)
    }
  }

  /// Keys and values of the member's rows, normed and rotated, into their pages.
  private func storeKeysAndValues(_ index: Int, _ count: Int, _ member: TeamMember) {
    let layer = model.layers[index]
    let d = layer.description
    for row in member.share(count) {
      let place = places[row]
      let keys = k.pointer + row * d.keyWidth
      let values = v.pointer + row * d.keyWidth
      if d.valuesAreKeys { values.update(from: keys, count: d.keyWidth) }
      let heads = 0..<d.keyValueHeadCount
      if let gain = layer.valueNorm { norm(values, gain, rows: heads, into: values) }
      if let gain = layer.keyNorm { norm(keys, gain, rows: heads, into: keys) }
      plans[index].rotary.rotate(keys, heads: d.keyValueHeadCount, position: place.position)
      let page = place.sequence.page(of: place.position)
      for head in heads {
        layout.heads[index][head].store(
          key: keys + head * d.headDim, value: values + head * d.headDim, page: page,
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

  /// The queries can be quantised as soon as a head's are done.
  private func quantizesWhileAttending(_ index: Int) -> Bool {
    plans[index].attended != nil && model.layers[index].description.headDim % 32 == 0
  }

  /// Norms and rotates the queries and lets each look back as far as the layer sees.
  private func attend(_ index: Int, _ count: Int, _ member: TeamMember) {
    let d = model.layers[index].description
    let isOneSequence = places[0].sequence === places[count - 1].sequence
    let blocks = Blocks(d, count: count, isOneSequence: isOneSequence, threads: member.count)
    let group = d.headCount / d.keyValueHeadCount
    let parts = (group + blocks.heads - 1) / blocks.heads
    let quantizes = quantizesWhileAttending(index)
    if quantizes, member.rank == 0 { plans[index].attended?.begin(rows: count) }
    var item = 0
    for first in stride(from: 0, to: count, by: blocks.tokens) {
      let rows = first..<min(count, first + blocks.tokens)
      for keyHead in 0..<d.keyValueHeadCount {
        for part in 0..<parts {
          // In turns: later tokens see more.
          if item % member.count == member.rank {
            let begin = keyHead * group + part * blocks.heads
            let heads = begin..<min((keyHead + 1) * group, begin + blocks.heads)
            attend(index, rows, keyHead, heads, quantizes: quantizes)
          }
          item += 1
        }
      }
    }
  }

  private func attend(_ index: Int, _ rows: Range<Int>, _ keyHead: Int, _ heads: Range<Int>, quantizes: Bool)
  {
    let layer = model.layers[index]
    let d = layer.description
    let plan = plans[index]
    withUnsafeTemporaryAllocation(of: QueryRow.self, capacity: PagedHead.rowLimit) { queries in
      var filled = 0
      for row in rows {
        let position = places[row].position
        let query = q.pointer + row * d.queryWidth
        if let gain = layer.queryNorm { norm(query, gain, rows: heads, into: query) }
        plan.rotary.rotate(query + heads.lowerBound * d.headDim, heads: heads.count, position: position)
        for head in heads {
          queries[filled] = QueryRow(
            query: query + head * d.headDim, out: attended.pointer + row * d.queryWidth + head * d.headDim,
            first: Int64(d.firstVisible(from: position)), last: Int64(position + 1))
          filled += 1
        }
      }
      layout.heads[index][keyHead].attend(
        pages: places[rows.lowerBound].sequence.pageTable,
        rows: UnsafeBufferPointer(rebasing: queries[..<filled]),
        kernels: kernels)
    }
    guard quantizes, let activations = plan.attended else { return }
    let columns = heads.lowerBound * d.headDim..<heads.upperBound * d.headDim
    for row in rows {
      activations.set(
        attended.pointer + row * d.queryWidth + columns.lowerBound, row: row, columns: columns,
        kernels: kernels)
    }
  }
}

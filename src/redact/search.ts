/** Finds any of many byte strings, one byte after the other. States are numbers; 0 is the one to begin with. */
export type Search = {
  next(state: number, byte: number): number
  /** So many of the newest bytes are the beginning of something searched for; older ones never will be. */
  depth(state: number): number
  /** The length of the longest needle that ends with the newest byte; 0: none does. */
  found(state: number): number
}

/**
 * The automaton of Aho and Corasick (1975): the time is linear in the input, however many needles there are.
 * Nodes are numbers, and their edges lists of siblings: a table of 256 entries each would take 1 KiB a byte.
 */
export function createSearch(needles: readonly Uint8Array[]): Search {
  const most = 1 + needles.reduce((sum, needle) => sum + needle.length, 0)
  const label = new Uint8Array(most)
  const firstChild = new Int32Array(most)
  const sibling = new Int32Array(most)
  const fail = new Int32Array(most)
  const depth = new Int32Array(most)
  const longest = new Int32Array(most)
  // the root alone has a table: nearly every byte of an ordinary text goes through it
  const begin = new Int32Array(256)
  let count = 1

  function childOf(node: number, byte: number): number {
    if (node === 0) return at(begin, byte)
    let child = at(firstChild, node)
    while (child !== 0 && label[child] !== byte) child = at(sibling, child)
    return child
  }

  function addChild(node: number, byte: number): number {
    const child = count++
    label[child] = byte
    depth[child] = at(depth, node) + 1
    sibling[child] = at(firstChild, node)
    firstChild[node] = child
    if (node === 0) begin[byte] = child
    return child
  }

  function next(state: number, byte: number): number {
    for (let node = state; ; node = at(fail, node)) {
      const child = childOf(node, byte)
      if (child !== 0 || node === 0) return child
    }
  }

  for (const needle of needles) {
    let node = 0
    for (const byte of needle) node = childOf(node, byte) || addChild(node, byte)
    longest[node] = needle.length
  }
  linkFailures()

  /** Breadth first: a failure leads to a node that is nearer to the root, whose own is known by then. */
  function linkFailures() {
    const order = new Int32Array(count)
    let end = 1
    for (let head = 0; head < end; head++) {
      const node = at(order, head)
      for (let child = at(firstChild, node); child !== 0; child = at(sibling, child)) {
        fail[child] = node === 0 ? 0 : next(at(fail, node), at(label, child))
        // a needle that ends here by itself is longer than any that ends in it
        if (longest[child] === 0) longest[child] = at(longest, at(fail, child))
        order[end++] = child
      }
    }
  }

  return { next, depth: (state) => at(depth, state), found: (state) => at(longest, state) }
}

function at(numbers: Int32Array | Uint8Array, index: number): number {
  return numbers[index] as number
}

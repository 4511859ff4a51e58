import type { Search } from './search.ts'

/** Bytes in, bytes out, with a placeholder for each unbroken stretch of what is searched for. */
export type Cover = {
  /** The stretches that are certain by now; the rest may still turn out to be the beginning of something. */
  write(chunk: Uint8Array): Buffer
  /** The rest. `isCut`: the input goes on elsewhere, so a beginning at its end is covered too. */
  end(wish?: { isCut: boolean }): Buffer
  hasFound(): boolean
}

/** Absolute places in the input; `to` is exclusive. */
type Stretch = { from: number; to: number }

/** A shorter beginning of something, at the end of a cut text, says too little to hide. */
const leastBeginning = 4

/**
 * Covers every byte of every occurrence that any of `searches` finds, also where occurrences overlap, however the input is
 * cut into chunks. Takes time linear in the input, and holds back no more than the longest beginning of a needle that
 * it ends with.
 */
export function createCover(searches: readonly Search[], placeholder: Uint8Array): Cover {
  const held = createHeld()
  const stretches: Stretch[] = []
  const states = searches.map(() => 0)
  let read = 0
  /** Where the newest stretch that was given out ends: one that begins there is a part of it. */
  let coveredTo = -1
  let found = false

  function write(chunk: Uint8Array): Buffer {
    held.append(chunk)
    for (const byte of chunk) {
      read += 1
      let longest = 0
      for (let n = 0; n < searches.length; n++) {
        const search = searches[n] as Search
        const state = search.next(states[n] as number, byte)
        states[n] = state
        const length = search.found(state)
        if (length > longest) longest = length
      }
      if (longest > 0) cover({ from: read - longest, to: read })
    }
    return giveOut(read - beginning())
  }

  /** So many of the newest bytes may be the beginning of something. */
  function beginning(): number {
    return searches.reduce((most, search, n) => Math.max(most, search.depth(states[n] as number)), 0)
  }

  /** Stretches come in the order of their ends; a long one swallows those that it reaches. */
  function cover(stretch: Stretch) {
    found = true
    let { from } = stretch
    for (let last = stretches.at(-1); last && last.to >= from; last = stretches.at(-1)) {
      from = Math.min(from, last.from)
      stretches.pop()
    }
    stretches.push({ from, to: stretch.to })
  }

  function giveOut(to: number): Buffer {
    const pieces: Uint8Array[] = []
    let done = 0
    for (let first = stretches[0]; first && first.from < to; first = stretches[done]) {
      pieces.push(held.take(first.from))
      if (first.from !== coveredTo) pieces.push(placeholder)
      coveredTo = Math.min(first.to, to)
      held.take(coveredTo)
      if (first.to > to) {
        first.from = to
        break
      }
      done += 1
    }
    // all at once: taking the first away one by one moves the others each time
    stretches.splice(0, done)
    pieces.push(held.take(to))
    return Buffer.concat(pieces)
  }

  function end({ isCut } = { isCut: false }): Buffer {
    const length = beginning()
    if (isCut && length >= leastBeginning) cover({ from: read - length, to: read })
    return giveOut(read)
  }

  return { write, end, hasFound: () => found }
}

/** The bytes that were read and not given out yet, by their absolute places. Appending is amortised, as in a vector. */
function createHeld() {
  let bytes = Buffer.alloc(0)
  let from = 0
  let to = 0
  /** The absolute place of `bytes[from]`. */
  let place = 0
  return {
    append(chunk: Uint8Array) {
      if (to + chunk.length > bytes.length) {
        const larger = Buffer.alloc(2 * (to - from + chunk.length))
        bytes.copy(larger, 0, from, to)
        bytes = larger
        to -= from
        from = 0
      }
      bytes.set(chunk, to)
      to += chunk.length
    },
    /** Until the absolute place `until`, exclusive. Only good until the next append. */
    take(until: number): Uint8Array {
      const count = Math.max(0, until - place)
      const taken = bytes.subarray(from, from + count)
      from += count
      place += count
      return taken
    },
  }
}

/** Numbers that look random and are all given by a seed. */
export type Random = {
  /** At or above 0, below 1. */
  fraction(): number
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number
  /** True once in `1 / likelihood` on average. */
  chance(likelihood: number): boolean
  pick<T>(from: readonly T[]): T
  /** Lower-case hex digits. */
  hex(digits: number): string
  uuid(): string
  /** Numbers of its own: what is drawn from it does not change what is drawn here. */
  fork(): Random
}

/** mulberry32: small, quick, and good enough to spread faults. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0

  function fraction(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  const between = (least: number, most: number) => least + Math.floor(fraction() * (most - least + 1))
  const hex = (digits: number) => Array.from({ length: digits }, () => between(0, 15).toString(16)).join('')

  return {
    fraction,
    between,
    chance: (likelihood) => fraction() < likelihood,
    pick: (from) => from[between(0, from.length - 1)] as (typeof from)[number],
    hex,
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
    fork: () => createRandom(Math.floor(fraction() * 4_294_967_296)),
  }
}

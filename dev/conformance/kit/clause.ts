import type { Bench } from './bench.ts'
import type { Nas } from './nas.ts'
import type { Tries } from './tries.ts'
import type { World } from './world.ts'

/** What a check of a service has to have beside the service: without it the clause is not tried. */
export type Need = 'key' | 'portal' | 'target'

export type Clause = {
  /** Stable: docs/contract.md names it. */
  name: string
  /** Against one service that many clauses share. */
  service?: { needs: Need[]; check: (t: Tries, world: World, bench: Bench) => Promise<void> }
  /** Against services of its own, started with an environment of its own. */
  own?: (t: Tries, bench: Bench) => Promise<void>
  /** Against the timer service: the local NAS, or one that is pointed at. */
  nas?: (t: Tries, nas: Nas) => Promise<void>
  /** Against timer services of its own, started with options of their own. */
  ownNas?: (t: Tries, bench: Bench) => Promise<void>
  /** Seconds that it takes, if it waits for most of them: it then goes on beside everything else. */
  waits?: number
}

/** A check of one service that many clauses share. */
export type Check = NonNullable<Clause['service']>['check']

/** All that a check can need: a key, the portal's place, and a target that the service reaches. */
export const everything: Need[] = ['key', 'portal', 'target']

/** A clause that is tried on a shared service only. */
export function onService(name: string, check: Check, needs: Need[] = ['key', 'target']): Clause {
  return { name, service: { needs, check } }
}

export type Group = { name: string; clauses: Clause[] }

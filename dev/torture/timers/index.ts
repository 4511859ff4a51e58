import {
  type Pair,
  nasManners,
  nasMannersWithoutDeaths,
  pgManners,
  relayManners,
  standInManners,
} from './manners.ts'
import { startLocalNas } from './nas.ts'
import type { StartOutside } from './outside.ts'
import type { WorldOptions } from '../world.ts'
import { startPgOutside } from './pg.ts'
import { startRelayOutside } from './relay.ts'
import { startCloudTasksOutside, startQstashOutside } from './stand-ins.ts'

export type TorturedTimer = {
  title: string
  start: StartOutside
  /** Ways in which it misbehaves, each against a scenario that it could hurt. */
  manners: Pair[]
  /** Of the worlds in which it misbehaves. */
  world?: Partial<WorldOptions>
  /** Those of them under which a process that dies may lose a wake-up. */
  withoutDeaths: string[]
  /** Deaths in one repetition at most; default 3. */
  mostDeaths?: number
  /** What is not played with it, and why; the name of a scenario, or what `npm run torture` plays with the local NAS. */
  omitted: [what: string, why: string][]
}

const notPlayedElsewhere: TorturedTimer['omitted'] = [
  [
    'forget_on_2xx, keep, answer_after_fire, lock_while_relaying, cancel_…, list_…, garbage',
    'these are readings of the NAS contract: here each wake-up stands for itself, ends with its own 2xx and is never listed',
  ],
  [
    'swallow_dedup, truncate_fire_at',
    'this service always does so, or cannot: its stand-in does what its documentation says',
  ],
  ['another order', 'a scenario has one wake-up at a time; test/timers plays it with three jobs'],
  ['slow', 'it takes real time; test/timers plays it'],
]

/** The timers that `npm run torture -- --timer NAME` plays with. */
export const timers: Record<string, TorturedTimer> = {
  nas: {
    ...{ title: 'NAS', start: startLocalNas },
    ...{ manners: nasManners, withoutDeaths: nasMannersWithoutDeaths, omitted: [] },
    // it may hold an answer back until the clock goes on
    world: { patienceMs: 60 },
  },
  qstash: {
    ...{ title: 'QStash', start: startQstashOutside },
    ...{ manners: standInManners, withoutDeaths: [] },
    // A plan grants few tries, so the gaps between them grow fast (src/timers/qstash/client.ts): after the third try has
    // failed as well, the next one comes in 2.5 hours. Slots that pass meanwhile are told as missed, which is right for a
    // wake-up that is so late, and looks like a loss here.
    mostDeaths: 2,
    omitted: [
      ['a third death in one repetition', 'a fourth try of QStash comes 2.5 hours after the third'],
      ...notPlayedElsewhere,
    ],
  },
  'cloud-tasks': {
    ...{ title: 'Cloud Tasks', start: startCloudTasksOutside },
    ...{ manners: standInManners, withoutDeaths: [], omitted: notPlayedElsewhere },
  },
  pg: {
    ...{ title: 'Postgres', start: startPgOutside, manners: pgManners, withoutDeaths: [] },
    omitted: [
      [
        'lost answers, hops',
        'it is asked for no wake-up: it reads the wake times, however far ahead they are',
      ],
      ['slow', 'it takes real time; test/timers plays it'],
    ],
  },
  relay: {
    ...{ title: 'The relay', start: startRelayOutside, manners: relayManners, withoutDeaths: [] },
    omitted: [
      ['two machines, each fire twice', 'the relay sends a fire once; --timer nas plays it'],
      ['misbehaviour', 'the relay is ours and has none; the local NAS has it, and decides by the same core'],
      ['deaths of the relay itself', 'npm run relay:kill plays them, with a process of its own'],
    ],
  },
}

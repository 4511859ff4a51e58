import type { Random } from './random.ts'

/** What one seed makes of the world: who is in it, and what goes wrong. Times in milliseconds, the others are odds. */
export type Scenario = {
  startMs: number
  /** Faults happen until then; afterwards everything works. */
  faultsMs: number
  /** What is due must have been attended to so long after the last fault. */
  boundMs: number
  machines: number
  leaseMs: number
  maxConcurrent: number
  idleExitMs: number
  bootGraceMs: number
  jobs: number
  /** Mean time between two acts of the client. */
  clientEveryMs: number
  /** At each call that a process makes: it dies before it, it dies after it was sent, it freezes; and freezes at any time. */
  step: { diesBefore: number; diesAfter: number; freezes: number; freezeMs: number; freezesEveryMs: number }
  /** SIGTERM to a process, on average every so often; 0: never. */
  drainEveryMs: number
  database: {
    losesRequest: number
    losesAnswer: number
    slow: number
    outageEveryMs: number
    outageMs: number
  }
  nas: NasScenario
  /** NAS is asked to call at least once a day. */
  sentinel: boolean
  target: {
    fails: number
    losesAnswer: number
    slow: number
    killsProcess: number
    /** Of work that it took: never reported, and reported twice. */
    neverReports: number
    reportsTwice: number
  }
  receivers: {
    fails: number
    losesRequest: number
    losesAnswer: number
    slow: number
    killsProcess: number
  }
  /** Everyone is told by default: a channel, and one that pings. */
  channels: boolean
}

export type NasScenario = {
  /** What becomes of a row that has fired: removed at once, at its 2xx, at any 2xx of the job, or never. */
  row: 'removed_at_fire' | 'removed_at_ack' | 'forgotten_at_ack' | 'kept'
  cutsToSeconds: boolean
  swallowsRepeatedKeys: boolean
  /** So many of a job's keys, the newest, count as repeated. */
  keysRemembered: number
  cancelsRetriesOnReplacement: boolean
  refusesPast: boolean
  horizonMs: number | null
  /** Its clock against Postgres'; positive: it fires early. */
  aheadMs: number
  lateMs: number
  tries: number
  duplicates: number
  losesAnswer: number
  losesRequest: number
  fails: number
  slow: number
  partialList: boolean
  outageEveryMs: number
  outageMs: number
  /** A row vanishes silently, on average every so often; 0: never. */
  losesRowEveryMs: number
}

const second = 1_000
const minute = 60 * second
const hour = 60 * minute

export function makeScenario(random: Random): Scenario {
  const { between, chance, pick } = random
  const odds = (most: number, likelihood = 0.6) => (chance(likelihood) ? random.fraction() * most : 0)
  const isQuiet = chance(0.05)
  const level = isQuiet ? 0 : pick([0.2, 1, 1, 3])
  const scenario: Scenario = {
    startMs:
      pick([Date.UTC(2026, 5, 18, 8), Date.UTC(2026, 2, 28, 22), Date.UTC(2026, 9, 24, 22)]) +
      between(0, 3_599) * second,
    faultsMs: between(15, 100) * minute,
    boundMs: 30 * minute,
    machines: between(1, 3),
    leaseMs: pick([5 * second, 20 * second, 60 * second, 300 * second]),
    maxConcurrent: pick([1, 2, 20]),
    idleExitMs: pick([0, 2 * second, 30 * second]),
    bootGraceMs: pick([0, 5 * second, 60 * second]),
    jobs: between(1, 4),
    clientEveryMs: pick([2 * minute, 10 * minute, hour]),
    step: {
      diesBefore: level * odds(0.01),
      diesAfter: level * odds(0.01),
      freezes: level * odds(0.005),
      freezeMs: pick([3 * second, 30 * second, 400 * second]),
      freezesEveryMs: chance(0.3) && !isQuiet ? between(30, 600) * second : 0,
    },
    drainEveryMs: chance(0.3) ? between(2, 60) * minute : 0,
    database: {
      losesRequest: level * odds(0.02),
      losesAnswer: level * odds(0.02),
      slow: level * odds(0.02),
      outageEveryMs: chance(0.3) && !isQuiet ? between(10, 60) * minute : 0,
      outageMs: between(5, 600) * second,
    },
    nas: makeNas(random, level, odds),
    target: {
      fails: odds(0.3),
      losesAnswer: odds(0.1),
      slow: odds(0.3),
      killsProcess: level * odds(0.02, 0.2),
      neverReports: odds(0.3),
      reportsTwice: odds(0.5),
    },
    receivers: {
      fails: odds(0.4),
      losesRequest: level * odds(0.05),
      losesAnswer: odds(0.1),
      slow: odds(0.2),
      killsProcess: level * odds(0.05, 0.3),
    },
    channels: chance(0.4),
    sentinel: chance(0.2),
  }
  return scenario
}

function makeNas(
  { between, chance, pick }: Random,
  level: number,
  odds: (most: number) => number,
): NasScenario {
  return {
    row: pick(['removed_at_fire', 'removed_at_fire', 'removed_at_ack', 'kept', 'forgotten_at_ack']),
    cutsToSeconds: chance(0.3),
    swallowsRepeatedKeys: chance(0.5),
    keysRemembered: 50,
    cancelsRetriesOnReplacement: chance(0.4),
    refusesPast: chance(0.2),
    horizonMs: chance(0.2) ? between(2, 12) * hour : null,
    aheadMs: level === 0 ? 0 : pick([0, 0, 0, 500, 2_000, -3_000, 30_000]),
    lateMs: level === 0 ? 100 : pick([100, 5_000, 40_000]),
    tries: level > 0 && chance(0.1) ? 4 : 40,
    duplicates: odds(0.1),
    losesAnswer: level * odds(0.05),
    losesRequest: level * odds(0.05),
    fails: level * odds(0.1),
    slow: level * odds(0.05),
    partialList: level > 0 && chance(0.1),
    outageEveryMs: level > 0 && chance(0.3) ? between(10, 60) * minute : 0,
    outageMs: between(5, 900) * second,
    losesRowEveryMs: level > 0 && chance(0.4) ? between(3, 40) * minute : 0,
  }
}

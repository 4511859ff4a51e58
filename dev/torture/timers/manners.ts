import type { WorldOptions } from '../world.ts'

/** A way to misbehave, as `misbehave` of the timer takes it, and the scenario that it could hurt. */
export type Pair = [misbehaviour: string, scenario: string]

/** What no timer has a part in: hops, which the service makes where a horizon is near, and fires that a third party repeats. */
const hops: Pair[] = [
  ['hops of 7 min', 'one-shot'],
  ['hops of 7 min', 'outcome never reported'],
]
const replays: Pair[] = [
  ['replays', 'fire'],
  ['replays', 'edit to earlier'],
  ['replays', 'pause'],
  ['replays', 'delete'],
  ['replays', 'final run of a repeat'],
  ['replays', 'retry after a long pause'],
  ['replays', 'chain, two machines'],
]
const anyManners = [...hops, ...replays]

/**
 * NAS as it may misbehave. All of these are within what NAS owes, apart from `nasMannersWithoutDeaths`: it fires at
 * least once, late or twice, and retries. `name:n` is limited to its first n times.
 */
export const nasManners: Pair[] = [
  ['forget_on_2xx', 'fire'],
  ['forget_on_2xx', 'long run with a watchdog'],
  ['forget_on_2xx', 'final run of a repeat'],
  ['keep', 'fire'],
  ['keep', 'final run of a repeat'],
  ['keep', 'row lost'],
  ['forget_on_2xx', 'row lost'],
  ['swallow_dedup', 'fire'],
  ['swallow_dedup', 'long run with a watchdog'],
  ['swallow_dedup', 'edit to later'],
  ['lose_answer:2', 'fire'],
  ['lose_answer:2', 'create'],
  ['cancel_retries_on_replace', 'fire'],
  ['cancel_retries_on_replace', 'retry after a long pause'],
  ['cancel_keeps_retries', 'delete'],
  ['lock_while_relaying', 'fire'],
  ['lock_while_relaying', 'overdue at boot'],
  ['reject_past', 'fire'],
  ['reject_past', 'overdue at boot'],
  ['max_horizon=7m', 'one-shot'],
  ['max_horizon=3h', 'edit to earlier'],
  ['truncate_fire_at', 'long run with a watchdog'],
  ['reformat_fire_at=-03:30', 'fire'],
  ['answer_after_fire', 'overdue at boot'],
  ['duplicate=3', 'fire'],
  ['duplicate=3', 'final run of a repeat'],
  ['ignore_2xx:2', 'fire'],
  ['ignore_2xx:2', 'one-shot'],
  ['fire_early=45s', 'fire'],
  ['fire_late=40s', 'fire'],
  ['omit_fire_at', 'fire'],
  ['list_stale', 'create'],
  ['list_partial=0', 'fire'],
  ['list_foreign=3', 'fire'],
  ['answer=500:2', 'fire'],
  ['answer=429:2', 'fire'],
  ['answer=garbage:2', 'create'],
  ['skew=20s', 'fire'],
  ['skew=-20s', 'fire'],
  ['forget_on_2xx', 'delivery'],
  ['duplicate=3', 'delivery'],
  ['lose_answer:2', 'outcome reported later'],
  ['max_horizon=7m', 'outcome never reported'],
  ['keep', 'chain'],
  ['answer=500:2', 'chain'],
  ['ignore_2xx:2', 'chain, two machines'],
  ...anyManners,
]

/**
 * What these leave is found by the look after the answer, or by the list, and not by a process that dies before: a NAS
 * that forgets a newer arm on our 2xx, and one that answers 2xx to an arm that it does not hold.
 */
export const nasMannersWithoutDeaths = ['forget_on_2xx', 'answer=garbage:2']

/** The ways of the stand-ins (`standInFaults`) to treat fires. */
const fireManners: Pair[] = [
  ['lost acknowledgements', 'fire'],
  ['lost acknowledgements', 'one-shot'],
  ['lost acknowledgements', 'chain, two machines'],
  ['duplicates', 'fire'],
  ['duplicates', 'final run of a repeat'],
  ['duplicates', 'delivery'],
  ['late', 'fire'],
  ['early', 'fire'],
  ['down', 'create'],
  ['down', 'fire'],
  ['refusing', 'fire'],
  ['refusing', 'chain'],
]

export const standInManners: Pair[] = [
  ['lost answers', 'create'],
  ['lost answers', 'fire'],
  ['lost answers', 'edit to earlier'],
  ['lost answers', 'delete'],
  ['lost answers', 'outcome reported later'],
  ...fireManners,
  ...anyManners,
]

/** To Postgres `down` is a call that is lost, and `refusing` a look that is not begun. */
export const pgManners: Pair[] = [
  ...fireManners,
  ['each other look fails', 'create'],
  ['each other look fails', 'fire'],
  ['each other look fails', 'long run with a watchdog'],
  ['each other look fails', 'chain, two machines'],
  ...replays,
]

export const relayManners = anyManners

const horizonMs = String(7 * 60_000)

/** The worlds in which these are played; the timer is told of the others. */
export const worldOf: Record<string, Partial<WorldOptions>> = {
  'hops of 7 min': {
    env: { NAS_MAX_HORIZON: horizonMs, QSTASH_MAX_HORIZON: horizonMs, CLOUD_TASKS_MAX_HORIZON: horizonMs },
  },
  // while the signature of QStash is good, and that of NAS
  replays: { replayedAfterMs: 90_000 },
}

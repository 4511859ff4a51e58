import { type Scenario, scenarios } from './scenarios.ts'

/**
 * NAS as it may misbehave, each against a scenario that it could hurt. All of these are within what NAS
 * owes, apart from `leavesNothing`: it fires at least once, late or twice, and retries. `deaths`: processes may die as well without a loss.
 */
const pairs: [misbehaviour: string, scenario: string][] = [
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
]

/**
 * What these leave is found by the look after the answer, or by the list, and not by a process that dies before: a NAS
 * that forgets a newer arm on our 2xx, and one that answers 2xx to an arm that it does not hold.
 */
const leavesNothing = ['forget_on_2xx', 'answer=garbage:2']

/** The pairs as scenarios; `name:n` is limited to its first n times. */
export const mannerScenarios: (Scenario & { deaths: boolean })[] = pairs.map(([text, name]) => {
  const scenario = scenarios.find((one) => one.name === name)
  if (!scenario) throw new Error(`"${name}" is no scenario`)
  const { misbehaviour, value, times } = split(text)
  return {
    ...scenario,
    name: `${name} × ${text}`,
    deaths: !leavesNothing.includes(text),
    world: { ...scenario.world, patienceMs: 60 },
    async prepare(world, job) {
      await scenario.prepare?.(world, job)
      await world.nas.misbehave(misbehaviour, value, times === undefined ? {} : { times })
    },
  }
})

function split(text: string) {
  const [, misbehaviour = '', value, times] = /^([a-z_0-9]+)(?:=([^:]+))?(?::(\d+))?$/.exec(text) ?? []
  return { misbehaviour, value, times: times === undefined ? undefined : Number(times) }
}

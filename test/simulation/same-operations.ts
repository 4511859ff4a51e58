import { nothingGiven } from '../../src/columns/index.ts'
import type { Authored, Look, Store } from '../../db/index.ts'
import type { Writing } from '../../db/move.ts'
import { ruleOf, storeSchedule } from '../../db/index.ts'
import type { PauseStore } from '../../dev/simulation/model-store.ts'
import type { Random } from '../../dev/simulation/random.ts'
import {
  attend,
  firstRuntime,
  cancelRun,
  type Decision,
  type Sent,
  settleDelivery,
  deliverAgain,
  type JobRule,
  pause,
  rearm,
  recount,
  release,
  releaseDelivery,
  reschedule,
  resume,
  settle,
  startManual,
  type View,
} from '../../src/decisions/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'

/** An operation to be carried out on a store: the same on the real one and on its model. */
export type Operation = { name: string; carryOut: (store: Both) => Promise<unknown> }
/** The store of jobs, and of the projects that they heed. */
export type Both = Store & { projects: PauseStore }

type State = {
  random: Random
  now: () => Date
  jobIds: string[]
  looks: Map<string, Look[]>
  /** By run. */
  jobOf: Map<string, string>
  holders: string[]
}

/** Draws operations one by one, from what the looks so far have shown: fresh and stale views, right and wrong fences. */
export function createOperations(random: Random, now: () => Date) {
  const state: State = { random, now, jobIds: [], looks: new Map(), jobOf: new Map(), holders: ['holder-0'] }

  function next(): Operation {
    if (state.jobIds.length < 2) return create(state)
    return random.pick([
      // few jobs, so that much happens to each
      state.jobIds.length < 5 ? create : decide,
      look,
      look,
      decide,
      decide,
      decide,
      decide,
      claimReady,
      claimReady,
      told,
      told,
      tell,
      tell,
      tell,
      change,
      held,
      held,
      arm,
      arm,
      record,
      list,
      remove,
      projects,
    ])(state)
  }

  /** What a look has shown is what later operations are decided on. */
  function saw(jobId: string, seen: Look | null) {
    for (const { id } of seen?.view.live ?? []) state.jobOf.set(id, jobId)
    if (seen) state.looks.set(jobId, [seen, ...(state.looks.get(jobId) ?? [])].slice(0, 3))
  }

  return { next, saw, jobIds: () => state.jobIds }
}

function create({ random, now, jobIds }: State): Operation {
  const id = random.chance(0.95) ? random.hex(12) : (jobIds[0] ?? random.hex(12))
  const text = random.pick(['every 30s', 'every 5m', '*/3 * * * *', 'in 90s', '0 4 * * *'])
  const authored = {
    ...nothingGiven,
    ...{
      id,
      name: 'same',
      timezone: 'UTC',
      anchor: now(),
      prompt: null,
      skills: ['a "b"'],
      deliver: drawDeliver(random),
      after: drawAfter(random, jobIds),
      tags: [],
    },
    project: 'default',
    schedule: storeSchedule(parseSchedule(text, { now: now(), zone: 'UTC' }), text),
    action: { type: 'http', url: 'https://target.invalid' },
    policy: drawPolicy(random),
    repeatTimes: random.pick([null, null, 3]),
    key: /^[0-7]/.test(id) ? `job-${id}` : null,
  }
  const runtime = firstRuntime(ruleOf({ ...authored, version: 1 }), now())
  const key = random.chance(0.4) ? { key: `key-${random.between(1, 4)}`, bodyHash: 'hash' } : null
  if (!jobIds.includes(id)) jobIds.push(id)
  return {
    name: `createJob ${id}`,
    async carryOut(store) {
      const made = await store.createJob({ ...authored, runtime, wakeAt: runtime.nextSlot }, key)
      return [made, key && (await store.jobOfKey(key.key))]
    },
  }
}

/** No one, everyone by default, a channel that pings, and receivers of its own. */
function drawDeliver({ pick }: Random): unknown {
  return pick([
    null,
    'none',
    { channel: 'pings', on: 'always' },
    [
      { type: 'webhook', url: 'https://one.invalid', on: ['failure', 'recovery'] },
      { type: 'slack', url: 'https://two.invalid', on: 'changed', template: 'it is "{{run.state}}"' },
      { type: 'webhook', url: 'https://three.invalid' },
    ],
  ])
}

function drawAfter({ chance, pick }: Random, jobIds: string[]): Authored['after'] {
  if (!chance(0.5)) return null
  const on = pick([['success'], ['failure', 'recovery'], ['always']])
  return { job: chance(0.95) ? pick([...jobIds, 'eeeeeeeeeeee']) : 'eeeeeeeeeeee', on }
}

function drawPolicy({ chance, pick, between }: Random): Record<string, unknown> {
  return {
    ...(chance(0.5) && { retry: { attempts: between(1, 3), delayMs: 20_000 } }),
    ...(chance(0.7) && {
      overlap: pick(['skip', 'queue', 'allow', 'cancel_running']),
      maxLive: between(1, 3),
    }),
    ...(chance(0.4) && { catchUp: pick(['latest', 'all', 'none']) }),
    ...(chance(0.2) && { pauseAfter: between(1, 2) }),
  }
}

function look({ random, jobIds }: State): Operation {
  const jobId = random.pick(jobIds)
  return { name: `look ${jobId}`, carryOut: (store) => store.look(jobId) }
}

/** A decision from the newest look, or from one that is stale. */
function decide(state: State): Operation {
  const seen = pickLook(state)
  if (!seen) return look(state)
  const decision = drawDecision(state, seen)
  if (!decision) return look(state)
  const writing = drawWriting(state)
  return {
    name: `transition ${seen.authored.id} rev ${seen.view.runtime.rev}`,
    carryOut: (store) => store.transition(seen.view, decision, writing),
  }
}

/** The claim of the next slot, decided beforehand, whatever has happened since. */
function claimReady(state: State): Operation {
  const { random } = state
  const jobId = random.pick(state.jobIds)
  const { owner, leaseMs, begins, armLease } = drawWriting(state)
  const runId = random.uuid()
  const claim = { jobId, runId, trigger: random.pick(['fire', 'builtin'] as const) }
  return {
    name: `claimReady ${jobId}`,
    carryOut: (store) => store.claimReady({ ...claim, owner, leaseMs, begins, armLease }),
  }
}

function pickLook({ random, looks, jobIds }: State): Look | undefined {
  const seen = looks.get(random.pick(jobIds)) ?? []
  return random.chance(0.85) ? seen[0] : random.pick([...seen, undefined])
}

function drawDecision(drawn: State, { view }: Look): Decision | null {
  const { random, now } = drawn
  const current = { ...view, now: now() }
  const run = view.live.length > 0 ? random.pick(view.live) : undefined
  const runId = random.uuid()
  const state = random.pick(['succeeded', 'failed', 'timed_out', 'interrupted'] as const)
  const error = { code: 'TARGET_FAILED', message: 'it did not' }
  const outcome = random.pick([
    state === 'succeeded'
      ? { state, output: random.pick(['one', 'two', '[SILENT]']), usage: { tokens: random.between(1, 9) } }
      : { state, error },
    state === 'succeeded' ? { state, skippedReason: 'nothing to do' } : { state, error, final: true },
    { state: 'waiting' as const, waitMs: random.pick([1, 30_000, 600_000]) },
  ])
  const draws: (() => Decision | null)[] = [
    () => attend(current, { trigger: 'fire', fireAt: null, earlyMs: 60_000, newRunId: () => runId }),
    () => attend(current, { trigger: 'fire', fireAt: null, earlyMs: 60_000, newRunId: () => runId }),
    () => rearm(current),
    () =>
      pause(current, {
        reason: 'a while',
        until: random.chance(0.5) ? new Date(now().getTime() + 60_000) : null,
      }),
    () => resume(current),
    () => startManual(current, { runId, trigger: 'manual', input: { n: random.between(1, 9) } }),
    () => startManual(current, { runId, trigger: 'after', input: { run: { id: runId }, output: null } }),
    () => (run ? cancelRun(current, run.id, 'cancelled') : null),
    () => (run ? release(current, { runId: run.id, fence: run.fence }) : null),
    () => (run ? settle(current, { runId: run.id, fence: run.fence, outcome }) : null),
    () => (run ? settle(current, { runId: run.id, fence: run.fence, outcome }) : null),
  ]
  try {
    return random.pick(draws)()
  } catch {
    return null
  }
}

/** The end of a try, of a job that has something to tell as far as its newest look goes. */
function tell(state: State): Operation {
  const { random, looks, now } = state
  const telling = [...looks.values()].flatMap(([newest]) => (newest?.view.deliveries.length ? [newest] : []))
  if (telling.length === 0) return look(state)
  const seen = random.pick(telling)
  const decision = drawTry(state, { ...seen.view, now: now() })
  const writing = drawWriting(state)
  return {
    name: `tell ${seen.authored.id} rev ${seen.view.runtime.rev}`,
    carryOut: async (store) => decision && store.transition(seen.view, decision, writing),
  }
}

/** How a try to deliver ended, or that it did not begin: of the newest one, or of one that is over. */
function drawTry({ random }: State, view: View): Decision | null {
  if (view.deliveries.length === 0) return null
  const found = random.pick(view.deliveries)
  const shown = { id: found.id, attempt: random.chance(0.85) ? found.attempt : found.attempt - 1 }
  const error = { code: 'HTTP_STATUS', message: 'it answered 500' }
  const result = random.pick<Sent>([
    { state: 'delivered' },
    { state: 'retry', error },
    { state: 'retry', error, retryAfterMs: 90_000 },
    { state: 'failed', error },
    { state: 'disabled', error },
  ])
  return random.chance(0.8) ? settleDelivery(view, { ...shown, result }) : releaseDelivery(view, shown)
}

/** What is told of a run, what was told to whom, and a delivery again that has failed. */
function told(state: State): Operation {
  const { random, jobOf, looks } = state
  const runId = jobOf.size > 0 && random.chance(0.9) ? random.pick([...jobOf.keys()]) : random.uuid()
  const jobId = jobOf.get(runId) ?? random.pick(state.jobIds)
  const [seen] = looks.get(jobId) ?? []
  const writing = drawWriting(state)
  const nowhere = random.uuid()
  return {
    name: `told ${runId}`,
    async carryOut(store) {
      const deliveries = await store.deliveriesOf(runId)
      const failed = deliveries.find((one) => one.state === 'failed')
      const decision = seen && failed && deliverAgain(seen.view, failed)
      return {
        told: await store.toldBy(deliveries[0]?.id ?? nowhere),
        last: await store.lastOutput(jobId, jobId),
        // when a row was made is told by Postgres' own clock
        deliveries: deliveries.map((one) => ({ ...one, createdAt: null })),
        again: decision ? await store.transition(seen.view, decision, writing) : null,
      }
    },
  }
}

function drawWriting({ random, holders }: State): Omit<Writing, 'now'> {
  const holder = `holder-${holders.length}`
  const takes = random.chance(0.6)
  if (takes) holders.push(holder)
  return {
    owner: random.pick(['m1:a', 'm2:b']),
    leaseMs: random.pick([5_000, 60_000]),
    begins: random.chance(0.5),
    armSpent: random.chance(0.3),
    armLease: takes ? { holder, heirOf: `${holder}-`, ms: 20_000 } : null,
    output: random.chance(0.3) ? 'some output' : null,
  }
}

function change(state: State): Operation {
  const { random, now } = state
  const seen = pickLook(state)
  if (!seen) return look(state)
  const { authored, view } = seen
  const current = { ...view, now: now() }
  const isRule = random.chance(0.5)
  const text = random.pick(['every 45s', '*/7 * * * *'])
  const schedule = isRule
    ? storeSchedule(parseSchedule(text, { now: now(), zone: 'UTC' }), text)
    : authored.schedule
  const next: Authored = {
    ...authored,
    schedule,
    anchor: isRule ? now() : authored.anchor,
    policy: drawPolicy(random),
    repeatTimes: random.pick([null, 5]),
    deliver: drawDeliver(random),
    after: random.chance(0.6) ? authored.after : drawAfter(random, state.jobIds),
  }
  const job: JobRule = ruleOf(next)
  const decision = isRule
    ? reschedule({ ...current, job }, view.job)
    : random.chance(0.7)
      ? recount({ ...current, job }, view.job)
      : null
  const writing = { owner: 'm1:a', leaseMs: 0, begins: false, armSpent: false, armLease: null, output: null }
  return {
    name: `changeJob ${authored.id}`,
    carryOut: (store) => store.changeJob(next, view, decision, writing),
  }
}

/** What the holder of a run does, or thinks that it may do. */
function held(state: State): Operation {
  const { random } = state
  const view = pickLook(state)?.view
  const run = view?.live[0]
  if (!run) return look(state)
  const fence = random.chance(0.8) ? run.fence : run.fence - 1
  const owner = run.owner && random.chance(0.8) ? run.owner : 'm3:c'
  const wish = { runId: run.id, fence, leaseMs: random.pick([5_000, 60_000]) }
  if (random.chance(0.5))
    return {
      name: `begin ${run.id}`,
      carryOut: (store) => store.begin({ ...wish, jobId: view.job.id, owner }),
    }
  return { name: `renew ${run.id}`, carryOut: (store) => store.renew({ held: [wish], owner }) }
}

function arm({ random, jobIds, holders }: State): Operation {
  const jobId = random.pick(jobIds)
  const heirOf = `holder-${random.between(0, holders.length)}-`
  const holder = `${heirOf}${holders.length}`
  holders.push(holder)
  return {
    name: `takeArm ${jobId}`,
    carryOut: (store) => store.takeArm({ jobId, lease: { holder, heirOf, ms: 20_000 } }),
  }
}

function record(state: State): Operation {
  const { random, now, holders } = state
  const seen = pickLook(state)
  if (!seen) return look(state)
  const { id } = seen.authored
  const gen = Math.min(
    seen.registry.wakeGen,
    random.pick([seen.registry.wakeGen, seen.registry.wakeGen, seen.registry.armedGen]),
  )
  if (random.chance(0.2)) return { name: `disownArm ${id}`, carryOut: (store) => store.disownArm(id, gen) }
  const base = { gen, fireAt: random.chance(0.8) ? now() : null, mayBeHeld: random.chance(0.8), tookMs: 5 }
  const result = random.pick([
    { ...base, outcome: 'armed' as const, scheduleId: 's1' },
    { ...base, outcome: 'armed' as const, scheduleId: 's2' },
    { ...base, fireAt: null, outcome: 'cancelled' as const },
    { ...base, outcome: 'failed' as const, code: 'NAS_FAILED', message: 'no' },
  ])
  const newest = random.between(1, 3)
  return {
    name: `recordArm ${id}`,
    // by each of the newest holders in turn, as most of them hold nothing any more
    async carryOut(store) {
      const answers: unknown[] = []
      for (const holder of holders.slice(-newest))
        answers.push(await store.recordArm(id, { ...result, holder }))
      return answers
    },
  }
}

function list({ random, now, jobIds }: State): Operation {
  const listed = [...jobIds, 'ffffffffffff'].filter(() => random.chance(0.6))
  const fireAtMs = listed.map(() => now().getTime() + random.pick([0, 0, 900, 1_100, -5_000]))
  const after = random.chance(0.5) ? '' : random.pick(jobIds)
  const listedAt = new Date(now().getTime() - random.pick([0, 0, 1_000, 60_000]))
  return {
    name: 'lists',
    carryOut: async (store) => ({
      owed: await store.owedArms({ after, limit: 3 }),
      overdue: (await store.overdueJobs({ lateMs: 0, limit: 100 })).sort(),
      earliest: await store.earliestWake(),
      farthest: (await store.farthestWake())?.wakeAt ?? null,
      different: (await store.differentArms({ jobIds: listed, fireAtMs, listedAt, toleranceMs: 1_000 })).sort(
        (a, b) => a.jobId.localeCompare(b.jobId),
      ),
      outstanding: await sortedOutstanding(store),
      allOrphans: (await store.orphans()).sort(),
      orphanSchedules: await Promise.all(jobIds.map((id) => store.orphanSchedule(id))),
    }),
  }
}

function remove({ random, jobIds }: State): Operation {
  const jobId = random.pick(jobIds)
  if (random.chance(0.6))
    return { name: `orphanCancelled ${jobId}`, carryOut: (store) => store.orphanCancelled(jobId) }
  if (random.chance(0.2)) {
    const url = `https://${random.between(1, 2)}.invalid`
    return { name: `noteCallback ${url}`, carryOut: (store) => store.noteCallback(url) }
  }
  if (random.chance(0.5)) {
    return {
      name: 'facts',
      async carryOut(store) {
        const seen = (await store.readFact('a fact'))?.value ?? null
        const isSwapped = [await store.swapFact('a fact', { seen, value: { n: 1, of: ['x'] } })]
        isSwapped.push(await store.swapFact('a fact', { seen: { n: -1 }, value: { n: -2 } }))
        const swapped = await store.readFact('a fact')
        await store.writeFact('a fact', { n: jobIds.length })
        return { isSwapped, swapped, written: await store.readFact('a fact') }
      },
    }
  }
  return { name: `deleteJob ${jobId}`, carryOut: (store) => store.deleteJob(jobId) }
}

/** A pause or its end, a quota, and runs that are counted: of the project that all jobs are in, or of everything. */
function projects({ random, now }: State): Operation {
  const name = random.pick(['default', 'default', '*', 'missing'])
  const [runsPerMinute, places] = [random.pick([null, null, 1]), random.pick([null, 2])]
  const by = { by: 'API_KEY', reason: null }
  const draw = random.between(0, 8)
  if (draw === 0) return { name: `pause ${name}`, carryOut: (store) => store.projects.pause(name, by) }
  if (draw === 1)
    return {
      name: 'put default',
      carryOut: (store) => store.projects.put('default', { runsPerMinute, places }),
    }
  const counted = { project: 'default', runs: random.pick([1, 1, 3]) }
  if (draw < 4) return { name: 'takeRuns', carryOut: (store) => store.takeRuns(counted) }
  if (draw === 4) {
    const minute = new Date(Math.floor(now().getTime() / 60_000 - random.pick([0, 0, 1])) * 60_000)
    return { name: 'giveBackRuns', carryOut: (store) => store.giveBackRuns({ ...counted, minute }) }
  }
  // both, or all that follows is about a pause
  return {
    name: 'resume',
    carryOut: async (store) => [await store.projects.resume('*'), await store.projects.resume('default')],
  }
}

async function sortedOutstanding(store: Store) {
  const { orphans, ...rest } = await store.outstanding()
  return { ...rest, orphans: orphans.toSorted() }
}

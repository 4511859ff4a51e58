import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  attend,
  type Decision,
  defaultPolicy,
  type JobRule,
  jitterMs,
  leaseMarginMs,
  type Policy,
  readyRun,
  type Runtime,
  settle,
} from '../../src/decisions/index.ts'
import { readyOf } from '../../src/decisions/ready.ts'
import { AppError } from '../../src/ground/errors.ts'
import { slotsIn } from '../../src/schedule/index.ts'
import { createModel, iso, type KeptRun, type Model } from './model.ts'

const minuteMs = 60_000
const schedules = ['* * * * *', '*/7 * * * *', '0 * * * *', 'every 90s', 'in 10m', '30 9 * * *']
const outcomes = ['succeeded', 'failed', 'timed_out', 'interrupted', 'cancelled'] as const

const schedule = fc.constantFrom(...schedules)
const policy: fc.Arbitrary<Partial<Policy>> = fc.record({
  overlap: fc.constantFrom('skip', 'queue', 'allow', 'cancel_running'),
  maxLive: fc.integer({ min: 1, max: 3 }),
  catchUp: fc.constantFrom('latest', 'all', 'none'),
  catchUpMax: fc.integer({ min: 1, max: 4 }),
  deadlineMs: fc.option(fc.integer({ min: 0, max: 30 * minuteMs }), { nil: null }),
  jitterMs: fc.constantFrom(0, 0, 20_000),
  pauseAfter: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
  retry: fc.record({
    attempts: fc.integer({ min: 1, max: 3 }),
    backoff: fc.constantFrom('fixed', 'exponential'),
    delayMs: fc.integer({ min: 0, max: 10 * minuteMs }),
    maxDelayMs: fc.integer({ min: 0, max: 10 * minuteMs }),
    on: fc.subarray(defaultPolicy.retry.on),
  }),
})

/** `pick` chooses among the live runs, `ms` is how far a clock or a hint moves. */
const step = fc.record({
  does: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('wait', 'fire', 'tick', 'settle') },
    { weight: 2, arbitrary: fc.constantFrom('renew', 'release', 'cancel', 'stale', 'runNow') },
    { weight: 1, arbitrary: fc.constantFrom('pause', 'pauseUntil', 'resume', 'reschedule', 'recount') },
  ),
  pick: fc.nat(5),
  ms: fc.oneof(fc.nat(90_000), fc.nat(12 * 60 * minuteMs)),
  outcome: fc.constantFrom(...outcomes),
  schedule,
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** How many claims were decided beforehand, and why each of them ends when it does. */
const readied = { claims: 0, byNextSlot: 0, byLateness: 0 }

test('whatever happens to a job in whatever order, every slot gets one verdict, one fence rules, and the wake time is right', () => {
  const start = fc.record({
    schedule,
    policy,
    repeat: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
  })
  fc.assert(
    fc.property(start, fc.array(step, { minLength: 5, maxLength: 40 }), ({ repeat, ...options }, steps) => {
      const job = createModel({ ...options, id: 'ab12cd34ef56', ...(repeat === undefined ? {} : { repeat }) })
      const book = createBook(job)
      for (const one of steps) book.take(one)
      book.settleDown()
    }),
    { numRuns: 400 },
  )
  const { claims, byNextSlot, byLateness } = readied
  assert.ok(claims > 500 && byNextSlot > 50 && byLateness > 50, JSON.stringify(readied))
})

/** Takes the steps and keeps the books beside the model: which slots the job has had, and what became of each. */
function createBook(job: Model) {
  const verdicts = new Map<number, string>()
  const finished = new Map<string, string>()
  /** Slots of rules that are no longer in force. */
  const former = new Set<number>()
  /** From here on (exclusive) the slots of the rule in force count. */
  let since = job.now()

  function take(one: Step) {
    const before = { rule: job.job(), runtime: job.runtime() }
    let decision: Decision | null = null
    try {
      decision = perform(job, one)
    } catch (error) {
      assert.ok(error instanceof AppError && error.code === 'JOB_STATE_CONFLICT', String(error))
    }
    if (decision) {
      checkFences(decision, before.runtime.fence)
      note(decision, before.rule)
      const isNewEpoch =
        one.does === 'reschedule' || (before.runtime.nextSlot === null && job.runtime().nextSlot !== null)
      if (isNewEpoch) beginEpoch(before)
      assert.equal(iso(job.wakeAt()), iso(trueWake(job)), 'the wake time is the earliest of its terms')
    }
    checkReady(one)
    checkBooks()
  }

  /** A claim that is decided beforehand is the one that a look at any instant of its time decides. */
  function checkReady({ ms, pick }: Step) {
    const view = job.view()
    const { readyFrom, readyUntil, afterSlot } = readyOf(view)
    const { runtime } = view
    const slot = runtime.nextSlot
    if (!readyFrom || !readyUntil || !slot) return
    readied.claims += 1
    const [from, until] = [readyFrom.getTime(), readyUntil.getTime()]
    const decideAt = (now: number) =>
      attend(
        { ...view, now: new Date(now) },
        { trigger: 'fire', fireAt: pick === 0 ? null : readyFrom, earlyMs: 60_000, newRunId: () => 'new' },
      )
    const run = readyRun({ id: 'new', slot, trigger: 'fire', fence: runtime.fence + 1 })
    const advanced = {
      ...runtime,
      ...{ lastSlot: slot, nextSlot: afterSlot, slotsUsed: runtime.slotsUsed + 1, fence: runtime.fence + 1 },
    }
    const wakeTerm = afterSlot && new Date(afterSlot.getTime() + from - slot.getTime())
    const expected = { runtime: advanced, runs: [run], starts: [run], wakeTerm }
    const nothing = { folds: [], deliveries: [], sends: [], stops: [] }
    for (const now of [from, from + (ms % (until - from)), until - 1])
      assert.deepEqual(decideAt(now), { ...expected, ...nothing }, `at ${iso(new Date(now))}`)
    if (until === from + 3_600_000) return
    assert.notDeepEqual(decideAt(until), { ...expected, ...nothing }, 'it ends when another is due')
    if (wakeTerm && until === wakeTerm.getTime()) readied.byNextSlot += 1
    else readied.byLateness += 1
  }

  /** Whoever attends as long as something is due leaves nothing behind: the wake time lies ahead. */
  function settleDown() {
    for (let n = 0; n < 5_000; n++) {
      const rule = job.job()
      const decision = job.tick()
      if (!decision) break
      note(decision, rule)
      assert.ok(n < 4_999, 'attending comes to an end')
    }
    checkBooks()
    const wake = trueWake(job)
    assert.ok(wake === null || wake > job.now(), `W ${iso(wake)} is ahead of ${iso(job.now())}`)
  }

  function note(decision: Decision, rule: JobRule) {
    for (const fold of decision.folds) {
      const slots = [
        ...slotsIn(rule, { after: new Date(fold.firstSlot.getTime() - 1), until: fold.lastSlot }),
      ]
      assert.equal(fold.count, slots.length, 'a fold counts its slots exactly')
      for (const slot of slots) giveVerdict(slot, fold.verdict)
    }
    for (const run of decision.runs) {
      assert.ok(!finished.has(run.id), 'terminal is terminal')
      if (run.seenFence === null && run.slot) giveVerdict(run.slot, 'run')
      if (run.finished) finished.set(run.id, run.state)
    }
  }

  function giveVerdict(slot: Date, verdict: string) {
    assert.ok(
      !verdicts.has(slot.getTime()),
      `${iso(slot)} is ${verdicts.get(slot.getTime())} already, and now ${verdict}`,
    )
    verdicts.set(slot.getTime(), verdict)
  }

  /** The old rule answers for its slots up to now, unless it had run out of them before. */
  function beginEpoch({ rule, runtime: { nextSlot } }: { rule: JobRule; runtime: Runtime }) {
    const { lastSlot } = job.runtime()
    const until = lastSlot && lastSlot > job.now() ? lastSlot : job.now()
    const accountable = nextSlot ? until : lastSlot
    if (accountable)
      for (const slot of slotsIn(rule, { after: since, until: accountable })) former.add(slot.getTime())
    since = until
    // a one-shot may begin a moment in the past
    const next = job.runtime().nextSlot
    if (next && next <= since) since = new Date(next.getTime() - 1)
  }

  function checkBooks() {
    const { lastSlot, nextSlot, slotsUsed, state } = job.runtime()
    const until = lastSlot ?? since
    const nominal = [...slotsIn(job.job(), { after: since, until })].map((slot) => slot.getTime())
    const expected = new Set([...former, ...nominal])
    assert.deepEqual(firstOf(expected.difference(verdicts)), [], 'every slot up to last_slot has a verdict')
    assert.deepEqual(firstOf(new Set(verdicts.keys()).difference(expected)), [], 'and nothing else has one')
    const live = [...job.runs.values()].filter((run) => !run.finished)
    assert.ok(
      live.filter(({ attempt }) => attempt > 0).length <= limitOf(job.job()),
      'at most so many runs at once',
    )
    const used = [...job.runs.values()].filter(({ slot, state: was }) => slot && was !== 'skipped').length
    assert.equal(slotsUsed, used, 'every run of a slot uses up one repeat')
    if (state === 'scheduled') assert.ok(nextSlot || live.length > 0, 'an active job has something to come')
    const { wakeAt } = job.view().registry
    const wake = trueWake(job)
    assert.ok(
      wake === null || (wakeAt !== null && wakeAt <= wake),
      `armed ${iso(wakeAt)} is not later than W ${iso(wake)}`,
    )
  }

  return { take, settleDown }
}

function perform(job: Model, { does, pick, ms, outcome, schedule: text }: Step): Decision | null {
  const live = [...job.runs.values()].filter((run) => !run.finished)
  const held = live.filter((run) => run.leaseUntil)
  const run = (among: KeptRun[]) => among[pick % Math.max(1, among.length)]
  switch (does) {
    case 'wait':
      job.setTime(new Date(job.now().getTime() + ms))
      return null
    case 'fire':
      return job.look({ fireAt: pick === 0 ? null : new Date(job.now().getTime() + (pick - 3) * 30_000) })
    case 'tick':
      return job.tick()
    case 'renew': {
      const own = run(held)
      // a lease that has ended is never renewed (db/runs.ts)
      if (own?.leaseUntil && own.leaseUntil > job.now()) job.renew(own.id)
      return null
    }
    case 'stale': {
      const any = run([...job.runs.values()])
      if (any)
        assert.equal(
          settle(job.view(), { runId: any.id, fence: any.fence - 1, outcome: { state: 'succeeded' } }),
          null,
        )
      return null
    }
    case 'settle':
      return held.length > 0
        ? job.settle({ state: outcome, retryAfterMs: pick * 1_000 }, run(held)?.id)
        : null
    case 'release':
      return held.length > 0 ? job.release(run(held)?.id) : null
    case 'cancel':
      return live.length > 0 ? job.cancel(run(live)?.id) : null
    case 'runNow':
      return job.runNow()
    case 'pause':
      return job.pause()
    case 'pauseUntil':
      return job.pause(new Date(job.now().getTime() + ms).toISOString())
    case 'resume':
      return job.resume()
    case 'reschedule':
      return job.reschedule(text)
    case 'recount':
      break
  }
  return job.recount({ repeat: pick === 0 ? null : job.runtime().slotsUsed + pick })
}

/** The wake time by its definition, from what is kept. */
function trueWake(job: Model): Date | null {
  const { state, nextSlot, resumeAt } = job.runtime()
  const live = [...job.runs.values()].filter((run) => !run.finished)
  const hasRoom = live.filter(({ attempt }) => attempt > 0).length < limitOf(job.job())
  const terms = [
    state === 'scheduled' && nextSlot && !isHeldBack(job) && nextSlot.getTime() + jitterMs(job.job()),
    resumeAt?.getTime(),
    ...live.map(({ leaseUntil }) => leaseUntil && leaseUntil.getTime() + leaseMarginMs),
    ...live.map(
      ({ attemptDueAt, attempt }) =>
        state !== 'paused' && (attempt > 0 || hasRoom) && attemptDueAt?.getTime(),
    ),
  ].filter((term) => typeof term === 'number')
  return terms.length > 0 ? new Date(Math.min(...terms)) : null
}

/** With catch-up `all`, a slot that was due before what is live began (here: all of it, as nothing ever says when) waits for room. */
function isHeldBack(job: Model): boolean {
  const { nextSlot } = job.runtime()
  const { policy: kept } = job.job()
  const begun = [...job.runs.values()].filter((run) => !run.finished && run.attempt > 0)
  const isDue = nextSlot !== null && nextSlot.getTime() + jitterMs(job.job()) <= job.now().getTime()
  return kept.catchUp === 'all' && isDue && begun.length >= limitOf(job.job())
}

function checkFences({ starts, runtime }: Decision, before: number) {
  const fences = starts.map(({ fence }) => fence).toSorted((a, b) => a - b)
  assert.deepEqual(
    fences,
    fences.map((_, n) => before + n + 1),
    'every claim has a fence of its own, greater than all before',
  )
  assert.equal(runtime.fence, before + fences.length)
}

const limitOf = ({ policy: { overlap, maxLive } }: JobRule) => (overlap === 'allow' ? maxLive : 1)
const firstOf = (ms: Set<number>) => [...ms].slice(0, 3).map((at) => new Date(at).toISOString())

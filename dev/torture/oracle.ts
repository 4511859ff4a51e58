import type { LedgerEntry } from '../../src/jobs/ledger.ts'

/** One call that reached the target, as the target tells it. `slot` null: a manual run. `atMs`: when, on the world's clock. */
export type Effect = {
  jobId: string
  slot: string | null
  runId: string
  attempt: number
  fence: number
  atMs: number
}

/** What the slots of a job came to. `retries`: attempts beyond the first are allowed. */
export type Judged = {
  due: number
  /** Slots with exactly one effect that is told as run. */
  ran: number
  /** Slots whose process died, retries off: one effect or none, and told as interrupted. */
  interrupted: number
  /** Of these: the ones without an effect. */
  interruptedBefore: number
  /** Slots with several effects, one per attempt, retries on. */
  again: number
  /** Slots that were not to run (paused, overlap, superseded …), told so, without an effect. */
  passed: number
  /** Slots without an effect that nothing explains, or that are told as missed. */
  missed: number
  /** Effects without a slot, a second effect of one attempt, or of a slot that was told as not run. */
  extra: number
  /** Slots without a final verdict, or with several. */
  incomplete: number
  /** Effects whose fence is not above that of the one before, for one slot. */
  stale: number
  latenessMs: number[]
  problems: string[]
}

/**
 * Matches the slots that were due to the effects in the target's own log, one to one. Verdicts of the service are
 * believed only where the target's log agrees: its tables explain a missing effect, and never excuse a second one.
 */
export function judge(input: {
  /** Instants that were due by the schedule's own arithmetic. */
  due: Date[]
  ledger: LedgerEntry[]
  effects: Effect[]
  retries: boolean
}): Judged {
  const judged = emptyJudgement()
  const { problems } = judged
  const dueAt = new Set(input.due.map((at) => at.toISOString()))
  const bySlot = groupBy(
    input.effects.filter(({ slot }) => slot !== null),
    ({ slot }) => slot as string,
  )
  const told = groupBy(input.ledger, ({ slot }) => slot.toISOString())
  judged.due = dueAt.size
  for (const slot of dueAt)
    judgeSlot(judged, slot, {
      effects: bySlot.get(slot) ?? [],
      told: told.get(slot) ?? [],
      retries: input.retries,
    })
  for (const [slot, effects] of bySlot) {
    if (dueAt.has(slot)) continue
    judged.extra += effects.length
    problems.push(`${slot} was called ${effects.length} times and is no slot`)
  }
  for (const [slot] of told) {
    if (dueAt.has(slot)) continue
    judged.incomplete += 1
    problems.push(`${slot} has a verdict and is no slot`)
  }
  const manual = groupBy(
    input.effects.filter(({ slot }) => slot === null),
    ({ runId, attempt }) => `${runId}:${attempt}`,
  )
  for (const [key, effects] of manual) {
    if (effects.length > 1) problems.push(`manual attempt ${key} was called ${effects.length} times`)
    judged.extra += effects.length - 1
  }
  return judged
}

type Slot = { effects: Effect[]; told: LedgerEntry[]; retries: boolean }

function judgeSlot(judged: Judged, slot: string, { effects, told, retries }: Slot) {
  const [verdict, ...more] = told
  const say = (what: string) =>
    judged.problems.push(
      `${slot}: ${what} (${effects.length} effects, told ${told.map((one) => `${one.verdict}/${one.reason}`).join(', ') || 'nothing'})`,
    )
  if (!verdict || more.length > 0 || verdict.verdict === 'due' || verdict.verdict === 'running') {
    judged.incomplete += 1
    say('no single final verdict')
  }
  const attempts = new Set(effects.map(({ attempt }) => attempt))
  const twice = effects.length - attempts.size
  if (twice > 0 || (effects.length > 1 && !retries)) {
    judged.extra += Math.max(twice, retries ? 0 : effects.length - 1)
    say('called too often')
  }
  if (effects.some((effect, at) => at > 0 && effect.fence <= (effects[at - 1] as Effect).fence)) {
    judged.stale += 1
    say('a stale fence reached the target')
  }
  for (const effect of effects.slice(0, 1)) judged.latenessMs.push(effect.atMs - Date.parse(slot))
  const isToldAsRun = verdict?.verdict === 'ran'
  if (effects.length > 0 && verdict && !isToldAsRun && verdict.verdict !== 'cancelled') {
    judged.extra += 1
    say('told as not run, and was called')
  } else if (isToldAsRun && verdict.reason === 'interrupted') {
    judged.interrupted += 1
    if (effects.length === 0) judged.interruptedBefore += 1
    if (effects.length === 0 && retries) {
      judged.missed += 1
      say('never called, though it may be tried again')
    }
  } else if (effects.length === 1) judged.ran += 1
  else if (effects.length > 1) judged.again += 1
  else if (verdict && ['skipped', 'superseded', 'cancelled'].includes(verdict.verdict)) judged.passed += 1
  else {
    judged.missed += 1
    say('never called')
  }
}

export function emptyJudgement(): Judged {
  const counts = {
    due: 0,
    ran: 0,
    interrupted: 0,
    interruptedBefore: 0,
    again: 0,
    passed: 0,
    missed: 0,
    extra: 0,
    incomplete: 0,
    stale: 0,
  }
  return { ...counts, latenessMs: [], problems: [] }
}

/** Adds what one repetition came to. */
export function addJudgement(sum: Judged, more: Judged): void {
  for (const key of [
    'due',
    'ran',
    'interrupted',
    'interruptedBefore',
    'again',
    'passed',
    'missed',
    'extra',
    'incomplete',
    'stale',
  ] as const)
    sum[key] += more[key]
  sum.latenessMs.push(...more.latenessMs)
  sum.problems.push(...more.problems)
}

function groupBy<T>(items: T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    groups.set(key, [...(groups.get(key) ?? []), item])
  }
  return groups
}

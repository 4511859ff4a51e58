import type { Answer, Arm, ArmRequest, Store } from '../../relay/core/index.ts'
import { json } from '../../relay/core/index.ts'
import { type Arms, isOwed } from './arms.ts'
import { writeInstant } from './instant.ts'
import type { Log } from './log.ts'
import type { Misbehave } from './misbehave.ts'
import type { Signal } from './signal.ts'
import type { Ticker } from './ticker.ts'

type MannersNeeds = {
  store: Store
  arms: Arms
  ticker: Ticker
  now: () => number
  misbehave: Misbehave
  log: Log
  signal: Signal
  /** The schedule id that each dedup key of an agent was given last, in the order of its first use. */
  dedupKeys: Map<string, string>
}

/** A provision that the relay would carry out, and that is refused on purpose. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly answer: Answer
  constructor(answer: Answer) {
    super(`refused with ${answer.status}`)
    this.answer = answer
  }
}

// Old keys matter to the misbehaviour swallow_dedup only.
const mostDedupKeys = 2_000

/**
 * The store with everything that a NAS may do to rows and a relay does not: the relay's decisions are within, and what
 * comes and goes is bent here. Without a misbehaviour the one difference is that an arm which is replaced while its
 * fire is owed is not dropped.
 */
export function withManners(needs: MannersNeeds) {
  const { store, arms, ticker, now, misbehave, log, signal, dedupKeys } = needs
  let staleLists: Map<string, Arm[]> | null = null

  async function arm(request: ArmRequest, mostRows: number) {
    const { agentId, jobId } = request
    const where = { jobId }
    const bent = { ...request, ...instantAsStored(request, misbehave) }
    if (misbehave.act('lock_while_relaying', where))
      await signal.until(() => !ticker.isFlying(agentId, jobId))
    refuse(bent)
    const dedupKey = `${agentId} ${jobId}:${request.fireAt}`
    const usedFor = dedupKeys.get(dedupKey)
    if (usedFor !== undefined && misbehave.act('swallow_dedup', where)) return { scheduleId: usedFor }
    const held = arms.row(agentId, jobId)
    const armed = await store.arm(bent, mostRows)
    if (typeof armed === 'string') return armed
    remember(dedupKey, armed.scheduleId)
    if (held?.scheduleId === armed.scheduleId) return armed
    if (held) replaced(held)
    if (bent.fireAtMs <= now() && misbehave.act('answer_after_fire', where))
      await signal.until(() => ticker.isTried({ ...bent, scheduleId: armed.scheduleId }))
    return armed
  }

  function refuse({ jobId, fireAt, fireAtMs }: ArmRequest): void {
    const aheadMs = fireAtMs - now()
    if (aheadMs < 0 && misbehave.act('reject_past', { jobId }))
      throw new Refused(json(400, { error: 'fire_at_in_past', fire_at: fireAt }))
    const horizon = misbehave.look('max_horizon', { jobId })
    if (!horizon || aheadMs <= horizon.amount) return
    misbehave.act('max_horizon', { jobId })
    const body = { error: 'fire_at_too_far', max_horizon_s: horizon.amount / 1_000 }
    throw new Refused(json(Number(horizon.word || 422), body))
  }

  function remember(dedupKey: string, scheduleId: string): void {
    dedupKeys.set(dedupKey, scheduleId)
    for (const key of [...dedupKeys.keys()].slice(0, -mostDedupKeys)) dedupKeys.delete(key)
  }

  function replaced(held: Arm): void {
    const { jobId, fireAt } = held
    if (isOwed(held) && !misbehave.act('cancel_retries_on_replace', { jobId })) arms.haunt(held)
    else ticker.unschedule(held)
    log.add({ kind: 'event', event: 'replaced', job_id: jobId, detail: `the arm for ${fireAt}` })
  }

  async function disarm(agentId: string, jobId: string): Promise<void> {
    const keepsRetries = misbehave.act('cancel_keeps_retries', { jobId }) !== null
    const held = arms.ofJob(agentId, jobId)
    await store.disarm(agentId, jobId)
    for (const one of held) {
      arms.remove(one)
      if (keepsRetries && isOwed(one)) arms.haunt(one)
      else ticker.unschedule(one)
    }
  }

  async function listArms(agentId: string): Promise<Arm[]> {
    const rows = staleLists ? (staleLists.get(agentId) ?? []) : await store.listArms(agentId)
    const partial = misbehave.act('list_partial', { call: 'list' })
    const foreign = misbehave.act('list_foreign', { call: 'list' })
    const strangers = Array.from({ length: foreign?.amount ?? 0 }, (_, index) => stranger(index, now()))
    return [...rows.slice(0, partial?.amount), ...strangers]
  }

  return {
    ...store,
    arm,
    disarm,
    listArms,
    /** Called when `list_stale` is switched: freezes, or unfreezes, what the list shows. */
    async freezeLists(): Promise<void> {
      const agents = await store.listAgents()
      staleLists = misbehave.look('list_stale')
        ? new Map(agents.map(({ id }) => [id, arms.rowsOf(id)]))
        : null
    },
  }
}

function instantAsStored({ jobId, ...given }: ArmRequest, misbehave: Misbehave) {
  let { fireAt, fireAtMs } = given
  if (misbehave.act('truncate_fire_at', { jobId })) {
    fireAtMs = Math.floor(fireAtMs / 1_000) * 1_000
    fireAt = writeInstant(fireAtMs).replace('.000', '')
  }
  const offset = misbehave.act('reformat_fire_at', { jobId })?.word
  return { fireAt: offset ? writeInstant(fireAtMs, offset) : fireAt, fireAtMs }
}

function stranger(index: number, nowMs: number): Arm {
  const fireAtMs = nowMs + 3_600_000
  return {
    agentId: 'stranger',
    jobId: (0xf0f0f0f0f000 + index).toString(16),
    scheduleId: `sch_foreign_${index}`,
    fireAt: writeInstant(fireAtMs),
    fireAtMs,
    callbackUrl: 'https://elsewhere.example',
    tries: 0,
    dueMs: fireAtMs,
  }
}

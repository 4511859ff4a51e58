import { provisioned } from '../../relay/core/index.ts'
import { type Arm, type ArmRequest, type Arms, asDecided } from './arms.ts'
import type { Clock } from './clock.ts'
import { readInstant, writeInstant } from './instant.ts'
import type { Log } from './log.ts'
import type { Misbehave } from './misbehave.ts'
import type { Relay } from './relay.ts'
import type { Signal } from './signal.ts'

export type Answer = { status: number; body: unknown; headers?: Record<string, string> }

/** A row as `GET list` shows it. */
export type ListedArm = { job_id: string; fire_at: string; schedule_id: string }

type PortalNeeds = { arms: Arms; clock: Clock; relay: Relay; misbehave: Misbehave; log: Log; signal: Signal }

export type Portal = ReturnType<typeof createPortal>

/** The three agent-cron calls, for an agent that is already known. What is wrong with a request is answered, not thrown. */
export function createPortal({ arms, clock, relay, misbehave, log, signal }: PortalNeeds) {
  const nowMs = () => clock.now() + (misbehave.look('skew')?.amount ?? 0)
  const shown = ({ jobId, fireAt, scheduleId }: Arm) => ({
    job_id: jobId,
    fire_at: fireAt,
    schedule_id: scheduleId,
  })
  const list = (agent: string): ListedArm[] => arms.listed(agent).map(shown)
  let staleLists: Map<string, ListedArm[]> | null = null

  function refusal(request: ArmRequest): Answer | null {
    const where = { jobId: request.jobId }
    const aheadMs = request.fireAtMs - nowMs()
    if (aheadMs < 0 && misbehave.act('reject_past', where)) {
      return { status: 400, body: { error: 'fire_at_in_past', fire_at: request.fireAt } }
    }
    const horizon = misbehave.look('max_horizon', where)
    if (!horizon || aheadMs <= horizon.amount) return null
    misbehave.act('max_horizon', where)
    const status = Number(horizon.word || 422)
    return { status, body: { error: 'fire_at_too_far', max_horizon_s: horizon.amount / 1_000 } }
  }

  function arm(request: ArmRequest): Arm {
    const { arm: fresh, replaced } = arms.put(request)
    const isOwed = replaced?.state === 'relaying' || (replaced?.dueMs ?? null) !== null
    if (replaced) {
      const isKept = isOwed && replaced.state !== 'delivered'
      const isDropped =
        replaced.state === 'waiting' && misbehave.act('cancel_retries_on_replace', { jobId: request.jobId })
      if (!isKept || isDropped) relay.drop(replaced)
      log.add({
        kind: 'event',
        event: 'replaced',
        job_id: request.jobId,
        detail: `the arm for ${replaced.fireAt}`,
      })
    }
    relay.schedule(fresh)
    return fresh
  }

  return {
    list,

    /** Arms one job of the agent, replacing what was armed for it; the same instant again changes nothing. */
    async provision(agent: string, body: unknown): Promise<Answer> {
      const read = readProvision(agent, body)
      if (typeof read === 'string')
        return { status: 400, body: { error: 'invalid_request', error_description: read } }
      const where = { jobId: read.jobId }
      const request = asStored(read, misbehave)
      if (misbehave.act('lock_while_relaying', where)) {
        await signal.until(() => !relay.isRelaying(agent, read.jobId))
      }
      const refused = refusal(request)
      if (refused) return refused
      const firstId = arms.firstUse(agent, request.dedupKey)
      if (firstId && misbehave.act('swallow_dedup', where))
        return { status: 200, body: { schedule_id: firstId } }
      const row = arms.row(agent, request.jobId)
      if (row && isSameArm(row, request)) return { status: 200, body: { schedule_id: row.scheduleId } }
      const fresh = arm(request)
      if (request.fireAtMs <= nowMs() && misbehave.act('answer_after_fire', where)) {
        await signal.until(() => fresh.tries > 0 && (fresh.state !== 'relaying' || !arms.has(fresh)))
      }
      return { status: 200, body: { schedule_id: fresh.scheduleId } }
    },

    /** Disarms the job and drops the fires that are owed for it; one that is on its way stays so. */
    cancel(agent: string, body: unknown): Answer {
      const jobId = isRecord(body) ? body['job_id'] : undefined
      if (!isName(jobId))
        return { status: 400, body: { error: 'invalid_request', error_description: jobIdExpected(jobId) } }
      const keepsRetries = misbehave.act('cancel_keeps_retries', { jobId })
      for (const one of arms.ofJob(agent, jobId)) {
        one.isListed = false
        if (!keepsRetries || (one.state !== 'relaying' && one.dueMs === null)) relay.drop(one)
      }
      return { status: 200, body: { ok: true } }
    },

    /** The answer to `GET list`, misbehaviours included. */
    listed(agent: string): Answer {
      let rows = staleLists?.get(agent) ?? (staleLists ? [] : list(agent))
      const partial = misbehave.act('list_partial', { call: 'list' })
      const foreign = misbehave.act('list_foreign', { call: 'list' })
      if (partial) rows = rows.slice(0, partial.amount)
      if (foreign)
        rows = [...rows, ...Array.from({ length: foreign.amount }, (_, index) => foreignRow(index, nowMs()))]
      return { status: 200, body: { armed: rows } }
    },

    /** Called when `list_stale` is switched: freezes, or unfreezes, what the list shows. */
    freezeLists(): void {
      const agents = new Set(arms.all().map((one) => one.agent))
      staleLists = misbehave.look('list_stale')
        ? new Map([...agents].map((agent) => [agent, list(agent)]))
        : null
    },
  }
}

/** Whether the relay's decision leaves the row as it is. */
function isSameArm(row: Arm, { agent, jobId, fireAt, fireAtMs, callbackUrl }: ArmRequest): boolean {
  const asked = { agentId: agent, jobId, scheduleId: 'another', fireAt, fireAtMs, callbackUrl }
  return provisioned(asDecided(row), asked).scheduleId === row.scheduleId
}

function readProvision(agent: string, body: unknown): ArmRequest | string {
  if (!isRecord(body)) return 'the body is not a JSON object'
  const { job_id: jobId, fire_at: fireAt, agent_callback_url: callbackUrl, dedup_key: dedupKey } = body
  const fireAtMs = readInstant(fireAt)
  if (!isName(jobId)) return jobIdExpected(jobId)
  if (typeof fireAt !== 'string' || fireAtMs === null) {
    return `fire_at is ${JSON.stringify(fireAt)}, expected an ISO 8601 instant with an offset`
  }
  if (typeof callbackUrl !== 'string' || !/^https?:$/.test(URL.parse(callbackUrl)?.protocol ?? '')) {
    return `agent_callback_url is ${JSON.stringify(callbackUrl)}, expected a full http or https URL`
  }
  if (dedupKey !== `${jobId}:${fireAt}`)
    return `dedup_key is ${JSON.stringify(dedupKey)}, expected "${jobId}:${fireAt}"`
  return { agent, jobId, fireAt, fireAtMs, callbackUrl, dedupKey }
}

function asStored(request: ArmRequest, misbehave: Misbehave): ArmRequest {
  const where = { jobId: request.jobId }
  let { fireAt, fireAtMs } = request
  if (misbehave.act('truncate_fire_at', where)) {
    fireAtMs = Math.floor(fireAtMs / 1_000) * 1_000
    fireAt = writeInstant(fireAtMs).replace('.000', '')
  }
  const offset = misbehave.act('reformat_fire_at', where)?.word
  if (offset) fireAt = writeInstant(fireAtMs, offset)
  return { ...request, fireAt, fireAtMs }
}

function foreignRow(index: number, nowMs: number): ListedArm {
  const id = (0xf0f0f0f0f000 + index).toString(16)
  return { job_id: id, fire_at: writeInstant(nowMs + 3_600_000), schedule_id: `sch_foreign_${index}` }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 200
}

function jobIdExpected(given: unknown): string {
  return `job_id is ${JSON.stringify(given)}, expected a text of 1 to 200 characters`
}

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { hook } from './setup.ts'
import { until } from '../support/until.ts'

// Random lives of jobs through the real API on a set clock, and beside them a reckoning of the slots that knows nothing
// of our code: cron `*/p * * * *` in UTC names each minute that p divides.

const minuteMs = 60_000
const begin = Date.parse('2026-06-18T08:00:30Z')
const seeds = (process.env['SEED'] ?? '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16').split(' ').map(Number)
const periods = [1, 2, 5, 20]
const steps = [
  'fire',
  'fire',
  'fire',
  'fire',
  'policy',
  'policy',
  'schedule',
  'pause',
  'pauseUntil',
  'resume',
]

let service: Service
before(async () => {
  service = await startService({ clock: new Date(begin) })
})
after(() => service.close())

for (const seed of seeds)
  test(`no slot vanishes and none is told twice in a random life of a job (seed ${seed})`, async () => {
    const life = await createLife(seed)
    for (let step = 0; step < 30; step++) await life.step()
    await life.end()
  })

async function createLife(seed: number) {
  const pick = createRandom(seed)
  const path = `/life-${seed}`
  let now = begin
  service.setClock(new Date(now))
  const first = policies(pick, now)
  const job = await service.makeJob({ ...first, action: hook(service, path) })
  const { id } = job
  const story: string[] = [`made ${JSON.stringify(first)}`]
  const nominal = new Set<number>()
  /** The rule in force, and up to where its slots are counted. */
  let rule: Rule = { period: periodOf(first.schedule), starts: null, ends: null }
  applyBounds(first)
  let counted = now
  /** Slots that were taken up to a minute ahead, under the rule that was in force then. */
  const ahead = new Set<number>()

  async function step() {
    now += 1_000 * Math.floor(pick.fraction() * 60 * pick.of([1, 5, 25]))
    service.setClock(new Date(now))
    await count()
    const does = pick.of(steps)
    const said = await act(does)
    story.push(`${new Date(now).toISOString().slice(11, 19)} ${does} ${said}`)
    await check()
  }

  /** The slots that have passed since, under the rule in force; none where the job has come to its end. */
  async function count() {
    const { next_slot: next } = await runtime()
    if (next !== null) addSlots(counted, now)
    counted = now
    for (const at of ahead) if (at <= now) nominal.add(at)
  }

  function addSlots(from: number, to: number) {
    for (let at = Math.floor(from / minuteMs) * minuteMs; at <= to; at += minuteMs) {
      const isIn =
        at > from && (rule.starts === null || at >= rule.starts) && (rule.ends === null || at <= rule.ends)
      if (isIn && new Date(at).getUTCMinutes() % rule.period === 0) nominal.add(at)
    }
  }

  async function act(does: string): Promise<string> {
    const { api, target } = service
    if (does === 'fire') {
      target.behave(path, { does: pick.of(['status', 'status', 'hang']), value: pick.of([200, 500]) })
      if (pick.fraction() < 0.3) await cancelLive()
      const fireAt = new Date(now).toISOString()
      const { status } = await service.fire({ job_id: id, fire_at: fireAt })
      await noteAhead()
      return String(status)
    }
    if (does === 'schedule') {
      const schedule = `*/${pick.of(periods)} * * * *`
      const { status } = await api('PATCH', `/api/jobs/${id}`, { schedule })
      rule.period = periodOf(schedule)
      return `${schedule} ${status}`
    }
    if (does === 'policy') return changePolicy()
    const untilAt = new Date(now + 1_000 + Math.floor(pick.fraction() * 20 * minuteMs)).toISOString()
    const action = does === 'resume' ? 'resume' : 'pause'
    const { status } = await api(
      'POST',
      `/api/jobs/${id}/${action}`,
      does === 'pauseUntil' ? { until: untilAt } : {},
    )
    return `${does === 'pauseUntil' ? untilAt : ''} ${status}`
  }

  async function noteAhead() {
    const rows = await service.database.sql<{ slot: Date }[]>`
      select slot from runs where job_id = ${id} and slot > ${new Date(now)}`
    for (const { slot } of rows) {
      if (!ahead.has(slot.getTime())) assert.equal(slot.getUTCMinutes() % rule.period, 0)
      assert.ok(slot.getTime() - now <= minuteMs)
      ahead.add(slot.getTime())
    }
  }

  async function changePolicy(): Promise<string> {
    const { schedule: _, ...patch } = policies(pick, now)
    const { next_slot: due } = await runtime()
    const formerEnd = rule.ends
    const { status, body } = await service.api('PATCH', `/api/jobs/${id}`, patch)
    if (status === 400) return body.detail
    assert.equal(status, 200, JSON.stringify(body))
    applyBounds(patch)
    // a job that has not yet come to its end although that has passed goes on from there under its new end
    if (due !== null && due.getTime() <= now && formerEnd !== null && formerEnd < now)
      addSlots(formerEnd, now)
    return JSON.stringify(patch)
  }

  function applyBounds({ starts_at: starts = null, ends_at: ends = null }: Bounds) {
    rule = {
      ...rule,
      starts: starts === null ? null : Date.parse(starts),
      ends: ends === null ? null : Date.parse(ends),
    }
  }

  async function check() {
    const from = new Date(begin - minuteMs).toISOString()
    const { status, body } = await service.api('GET', `/api/jobs/${id}/slots?from=${from}`)
    assert.equal(status, 200)
    const slots = body.slots as Json[]
    const told: string[] = slots.map(({ slot }) => slot)
    const wanted = [...nominal].toSorted((a, b) => a - b).map((at) => new Date(at).toISOString())
    assert.deepEqual(told, wanted, story.join('\n'))
    for (const entry of slots) checkEntry(entry)
    return slots
  }

  async function end() {
    await service.api('POST', `/api/jobs/${id}/resume`)
    await cancelLive()
    service.target.behave(path, { does: 'status' })
    const left = await until(`an end of what is due; ${story.join('\n')}`, async () => {
      await service.fire({ job_id: id, fire_at: new Date(now).toISOString() })
      const slots = await check()
      return slots.every(({ verdict }) => verdict !== 'due' && verdict !== 'running') && slots
    })
    const [folds] = await service.database.sql`
      select coalesce(sum(count), 0)::int as n from folded_slots where job_id = ${id}`
    const folded = left.filter(({ run_id: runId }) => runId === null)
    assert.equal(folds?.['n'], folded.length, 'folds count their slots')
    const [runs] = await service.database.sql`
      select count(*)::int as n from runs where job_id = ${id} and slot <= ${new Date(now)}`
    assert.equal(runs?.['n'], left.length - folded.length)
  }

  async function cancelLive() {
    const { body } = await service.api('GET', `/api/jobs/${id}/runs`)
    for (const run of body.runs)
      if (run.finished_at === null) await service.api('POST', `/api/runs/${run.id}/cancel`)
  }

  async function runtime(): Promise<{ next_slot: Date | null }> {
    const [row] = await service.database.sql<{ next_slot: Date | null }[]>`
      select next_slot from job_runtime where job_id = ${id}`
    return row ?? { next_slot: null }
  }

  return { step, end }
}

type Rule = { period: number; starts: number | null; ends: number | null }
type Bounds = { starts_at?: string | null; ends_at?: string | null }

const verdicts: Record<string, RegExp | null> = {
  ran: /^(succeeded|failed|timed_out|interrupted)$/,
  skipped: /^(overlap|no place|paused): /,
  missed: /^(a later slot was due too|no process handled|more slots were missed)/,
  superseded: /^the job was changed/,
  cancelled: /^(cancelled by request|overlap: )/,
  running: null,
  due: null,
}

function checkEntry({ slot, verdict, reason, run_id: runId }: Json) {
  assert.ok(verdict in verdicts, `${slot} ${verdict}`)
  const form = verdicts[verdict]
  if (form) assert.match(String(reason), form)
  if (verdict === 'ran' || verdict === 'running') assert.ok(runId)
  if (verdict === 'missed' || verdict === 'superseded' || verdict === 'due') assert.equal(runId, null)
}

function periodOf(schedule: string): number {
  return Number(/^\*\/(\d+) /.exec(schedule)?.[1])
}

function policies(pick: Random, now: number) {
  /** In so many cases of ten: an instant from half an hour ago to half an hour ahead. */
  const near = (tenths: number) => {
    const at = new Date(now + Math.floor((pick.fraction() - 0.5) * 60 * minuteMs))
    return pick.fraction() * 10 < tenths ? at.toISOString() : null
  }
  return {
    schedule: `*/${pick.of(periods)} * * * *`,
    overlap: pick.of(['skip', 'queue', 'allow', 'cancel_running']),
    max_live: pick.of([1, 2, 5]),
    catch_up: pick.of(['latest', 'all', 'none']),
    catch_up_max: pick.of([1, 3, 100]),
    deadline_ms: pick.of([null, null, 0, 90_000, 600_000]),
    retry: pick.of([null, { attempts: 2, backoff: 'fixed', delay_ms: 90_000 }]),
    starts_at: near(3),
    ends_at: now === begin ? null : near(3),
  }
}

type Random = { fraction(): number; of<T>(items: T[]): T }

/** Mulberry32, public domain: the same seed gives the same life. */
function createRandom(seed: number): Random {
  let state = seed
  function fraction() {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return { fraction, of: (items) => items[Math.floor(fraction() * items.length)] as (typeof items)[number] }
}

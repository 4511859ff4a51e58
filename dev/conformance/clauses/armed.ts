import type { Clause } from '../kit/clause.ts'
import { at, textAt } from '../kit/json.ts'
import type { Reply } from '../kit/portal.ts'
import type { Tries } from '../kit/tries.ts'
import { eventually, until } from '../kit/wait.ts'
import { type MadeJob, rowOf, type World } from '../kit/world.ts'

/** Said to be armed, and armed at NAS: with a dead login the built-in trigger would say so as well. */
export function isArmed(t: Tries, { portal }: World, { id, answer }: MadeJob): void {
  t.equal('`armed` of the job', at(answer.body, 'job.armed'), true)
  t.that('row at NAS', portal.rows.has(id), { expected: 'a row', seen: 'none' })
}

export function isArmedAhead(t: Tries, what: string, { portal }: World, jobId: string): void {
  const row = portal.rows.get(jobId)
  t.that(what, Date.parse(row?.fireAt ?? '') > Date.now(), {
    expected: 'an instant ahead',
    seen: row ?? 'no row',
  })
}

/** An arm is at its instant, or a few seconds before it: never after it. */
export function isArmedFor(t: Tries, what: string, fireAt: string | undefined, instant: number): void {
  const off = Date.parse(fireAt ?? '') - instant
  t.that(what, off <= 0 && off >= -5000, {
    expected: `${new Date(instant).toISOString()}, or up to 5 s before it`,
    seen: fireAt ?? 'no row',
  })
}

/** NAS sends the fire again until there is a 2xx: by then the job has run once and is armed. */
export async function becomesRight(
  t: Tries,
  world: World,
  { id, path }: { id: string; path: string },
): Promise<void> {
  await until('a 2xx', async () => (await world.fire(id)).status < 300)
  await until('the run', () => world.target.callsAt(path)[0])
  t.equal('calls of the target', world.target.callsAt(path).length, 1)
  await rowOf(world, id)
  isArmedAhead(t, 'armed again', world, id)
}

type Trouble = { call: 'provision' | 'token'; reply: Reply; leastGapMs?: number }

/** What may pass: a job is saved and not armed, the service tries again by itself, with pauses, and then it is armed. */
export function passes(name: string, { call, reply, leastGapMs = 200 }: Trouble): Clause {
  return {
    name,
    waits: 20,
    async own(t, bench) {
      await bench.withWorld({ identity: call === 'token' ? 'login' : 'static' }, async (world) => {
        const { portal } = world
        const brief = async () => (await world.anybody.get('/api/status')).body
        portal.answer(call, reply)
        const answer = await world.create({ schedule: 'in 2h' })
        t.equal('status of POST /api/jobs', answer.status, 424)
        const id = textAt(answer.body, 'job_id')
        // Well before 30 s after the first call, when a refresh whose answer was lost may be tried again.
        await eventually(() => portal.callsOf(call)[1], 12_000)
        t.equal('provider while it lasts', at(await brief(), 'provider'), 'chronos')
        t.that('session while it lasts', at(await brief(), 'nous_session_valid') !== 'terminal', {
          expected: 'not terminal',
          seen: await brief(),
        })
        portal.answer(call)
        const isHeld = await eventually(() => portal.rows.has(id), 30_000)
        t.that('armed once it is over', isHeld, { expected: 'a row', seen: 'none within 30 s' })
        const isShown = async () => at((await world.api.get(`/api/jobs/${id}`)).body, 'job.armed') === true
        t.that('`armed` of the job', await eventually(isShown, 5000), { expected: true, seen: false })
        t.equal('session when it is over', at(await brief(), 'nous_session_valid'), 'valid')
        const [first, ...others] = portal.callsOf(call)
        const gap = (others[0]?.at ?? Number.NaN) - (first?.at ?? Number.NaN)
        t.that('ms until the second try', gap >= leastGapMs, {
          expected: `at least ${leastGapMs}`,
          seen: gap,
        })
        t.that('tries', others.length >= 1 && others.length < 10, {
          expected: '2 to 10',
          seen: others.length + 1,
        })
      })
    },
  }
}

import { type Clause, everything, type Group } from '../kit/clause.ts'
import { call, callSlowly } from '../kit/http.ts'
import { at, keysOf, textAt } from '../kit/json.ts'
import { replies } from '../kit/portal.ts'
import { atInstant, eventually, until } from '../kit/wait.ts'
import { rowOf, type World } from '../kit/world.ts'
import { isProblem, isRetryLater, isStatus, refusedWith } from './answers.ts'
import { isArmedAhead, isArmedFor } from './armed.ts'
import { daily, dueJob, inOtherZone, iso } from './soon.ts'

const unready: Clause[] = [
  {
    name: 'jwks-down',
    async own(t, bench) {
      const before = (portal: World['portal']) => portal.answer('jwks', replies.json(500))
      await bench.withWorld({ before }, async (world) => {
        isRetryLater(t, 'JWKS answers 500', await world.fire('x'))
        t.equal('without a token all the same', (await world.fire('x', { token: 'x' })).status, 401)
        world.portal.answer('jwks')
        const ok = await eventually(async () => (await world.fire('x')).status === 200, 15_000)
        t.that('taken once the keys can be fetched', ok, { expected: 200, seen: 'refused for 15 s' })
        world.portal.answer('jwks', replies.cut)
        isStatus(t, 'a cached key fits while JWKS is down', await world.fire('x'), 200)
      })
    },
  },
  {
    name: 'jwks-garbage',
    async own(t, bench) {
      const before = (portal: World['portal']) => portal.answer('jwks', replies.text(200, '<html>'))
      await bench.withWorld({ before }, async (world) => {
        isRetryLater(t, 'JWKS answers HTML', await world.fire('x'))
      })
    },
  },
  {
    name: 'draining',
    async own(t, bench) {
      await bench.withWorld(
        { env: { DRAIN_TIMEOUT_MS: '15000', DRAIN_FINISH_MS: '12000' } },
        async (world) => {
          const place = world.target.place({ holdMs: 4000 })
          const { id } = await dueJob(world, { place })
          const { id: other } = await world.job({ schedule: 'in 2h' })
          isStatus(t, 'before', await world.fire(id), 202, 'accepted')
          await until('the run', () => world.target.callsAt(place.path)[0])
          world.program().signal('SIGTERM')
          const answer = await eventually(async () => {
            const tried = await world.fire(other).catch(() => null)
            return tried?.status === 200 ? null : (tried ?? 'connection refused')
          }, 3000)
          if (answer === null || answer === 'connection refused')
            t.equal('a fire while draining', answer, '503 with Retry-After')
          else isRetryLater(t, 'a fire while draining', answer)
          const bad = await world.fire('x', { token: 'x' }).catch(() => null)
          t.equal('a bad token while draining: status', bad?.status, 401)
          const ended = await world.program().endsWithin(15_000)
          t.equal('exit status', ended?.code, 0)
        },
      )
    },
  },
  {
    name: 'database-down',
    async own(t, bench) {
      await bench.withWorld({}, async (world) => {
        const { id, path } = await dueJob(world)
        world.database.shut()
        isStatus(t, 'a bad token', await world.fire(id, { token: 'x' }), 401)
        const headers = { Authorization: `Bearer ${await world.portal.token()}` }
        isStatus(t, 'not JSON', await call('POST', `${world.url}/api/cron/fire`, { text: '{', headers }), 400)
        isStatus(t, 'a job_id of another form', await world.fire('not-ours'), 200, 'gone')
        isRetryLater(t, 'a fire', await world.fire(id))
        t.equal('GET /healthz', (await world.anybody.get('/healthz')).status, 200)
        t.equal('GET /readyz', (await world.anybody.get('/readyz')).status, 503)
        world.database.open()
        const claimed = await until('the database to be reached', async () => {
          const answer = await world.fire(id)
          return answer.status === 503 ? null : answer
        })
        isStatus(t, 'nothing had been claimed: the next fire', claimed, 202, 'accepted')
        await until('the run', () => world.target.callsAt(path)[0])
        t.equal('runs', world.target.callsAt(path).length, 1)
      })
    },
  },
]

const bodies: Clause[] = [
  {
    name: 'body-not-json',
    service: {
      needs: ['portal'],
      async check(t, world) {
        const headers = { Authorization: `Bearer ${await world.portal.token()}` }
        for (const text of ['{', 'job_id=x', '', '{"job_id":"x"} trailing']) {
          const answer = await call('POST', `${world.url}/api/cron/fire`, { text, headers })
          isStatus(t, `body ${JSON.stringify(text)}`, answer, 400)
          isProblem(t, `body ${JSON.stringify(text)}`, answer)
        }
      },
    },
  },
  {
    name: 'body-without-job',
    service: {
      needs: ['portal'],
      async check(t, world) {
        for (const body of [
          {},
          { job_id: null },
          { job_id: 7 },
          { job_id: ['x'] },
          { job: 'x' },
          [],
          'text',
          null,
        ]) {
          const answer = await world.portal.fire(world.url, body)
          isStatus(t, `body ${JSON.stringify(body)}`, answer, 400)
        }
      },
    },
  },
  {
    name: 'body-foreign-job',
    service: {
      needs: ['portal'],
      async check(t, world) {
        const ids = [
          'x',
          'AB12CD34EF56',
          'ab12cd34ef5',
          'ab12cd34ef567',
          '../../etc',
          'zzzzzzzzzzzz',
          ' ',
          'ü'.repeat(200),
        ]
        for (const id of ids) isStatus(t, `job_id ${id.slice(0, 20)}`, await world.fire(id), 200, 'gone')
        await new Promise((resolve) => setTimeout(resolve, 300))
        for (const id of ids)
          t.equal(`cancels of ${id.slice(0, 20)}`, world.portal.callsOf('cancel', id).length, 0)
      },
    },
  },
  {
    name: 'body-too-large',
    service: {
      needs: ['portal'],
      async check(t, world) {
        const text = JSON.stringify({ job_id: 'ab12cd34ef56', more: 'x'.repeat(12_000_000) })
        const headers = { Authorization: `Bearer ${await world.portal.token()}` }
        refusedWith(t, '12 MB', await callSlowly(`${world.url}/api/cron/fire`, { headers, text }), 413)
      },
    },
  },
  {
    name: 'body-lenient',
    service: {
      needs: everything,
      async check(t, world, bench) {
        const random = bench.random('body-lenient')
        const { id, answer } = await world.job({ schedule: 'in 2h' })
        const next = textAt(answer.body, 'job.next_run_at')
        const fireAts = [
          undefined,
          null,
          '',
          'soon',
          7,
          {},
          [],
          'x'.repeat(3000),
          '2026-99-99T00:00:00Z',
          next,
          inOtherZone(next),
        ]
        fireAts.push(String.fromCodePoint(...Array.from({ length: 20 }, () => random.below(0xd7_00) + 1)))
        for (const fireAt of fireAts) {
          const body = { job_id: id, fire_at: fireAt, more: { of: 'this' }, dedup_key: 'x' }
          const what = `fire_at ${JSON.stringify(fireAt)?.slice(0, 60)}`
          isStatus(t, what, await world.portal.fire(world.url, body), 200, 'not_due')
        }
      },
    },
  },
]

const states: Clause[] = [
  {
    name: 'gone',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 2h' })
        const row = await rowOf(world, id)
        await world.api.delete(`/api/jobs/${id}`)
        await until('a cancel', () => world.portal.callsOf('cancel', id)[0])
        world.portal.rows.set(id, row)
        const before = world.portal.callsOf('cancel', id).length
        isStatus(t, 'a deleted job', await world.portal.relay.fireNow(row), 200, 'gone')
        const again = await eventually(() => world.portal.callsOf('cancel', id).length > before, 5000)
        t.that('its orphan arm is cancelled', again, { expected: 'a cancel', seen: 'none' })
        const never = 'fedcba987654'
        isStatus(t, 'a job that never was', await world.fire(never), 200, 'gone')
        t.that(
          'its arm is cancelled',
          await eventually(() => world.portal.callsOf('cancel', never).length > 0, 5000),
          { expected: 'a cancel', seen: 'none' },
        )
      },
    },
  },
  {
    name: 'inactive-paused',
    service: {
      needs: everything,
      async check(t, world) {
        const { id, path } = await world.job({ schedule: daily(30_000).schedule })
        await world.api.post(`/api/jobs/${id}/pause`)
        isStatus(t, 'a paused job', await world.fire(id), 200, 'inactive')
        t.equal('runs', world.target.callsAt(path).length, 0)
      },
    },
  },
  {
    name: 'inactive-finished',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await world.job({ schedule: 'in 1s' })
        isStatus(t, 'a one-shot', await world.fire(id), 202, 'accepted')
        await until(
          'it is completed',
          async () => at((await world.api.get(`/api/jobs/${id}`)).body, 'job.state') === 'completed',
        )
        isStatus(t, 'a finished job', await world.fire(id), 200, 'inactive')
      },
    },
  },
  {
    name: 'not-due',
    service: {
      needs: everything,
      async check(t, world) {
        const { slot, schedule } = daily(7_200_000)
        const { id, path } = await world.job({ schedule })
        const row = await rowOf(world, id)
        isStatus(t, 'two hours early', await world.portal.relay.fireNow(row), 200, 'not_due')
        isArmedFor(t, 'armed at the slot when it is answered', world.portal.rows.get(id)?.fireAt, slot)
        t.equal('runs', world.target.callsAt(path).length, 0)
      },
    },
  },
  {
    name: 'not-due-forgotten',
    service: {
      needs: everything,
      async check(t, world) {
        for (const retention of ['delete', 'delete_any'] as const) {
          const { slot, schedule } = daily(7_200_000)
          const { id } = await world.job({ schedule })
          world.portal.relay.retention = retention
          isStatus(
            t,
            'two hours early',
            await world.portal.relay.fireNow(await rowOf(world, id)),
            200,
            'not_due',
          )
          const isHeld = () => Date.parse(world.portal.rows.get(id)?.fireAt ?? '') > slot - 5000
          t.that(
            `armed at the slot although NAS forgot its row (${retention})`,
            await eventually(isHeld, 8000),
            { expected: iso(slot), seen: world.portal.rows.get(id)?.fireAt ?? 'no row' },
          )
        }
      },
    },
  },
  {
    name: 'accepted',
    service: {
      needs: everything,
      async check(t, world) {
        const { id, path, slot } = await dueJob(world)
        const row = await rowOf(world, id)
        await atInstant(slot)
        const answer = await world.portal.relay.fireNow(row)
        isStatus(t, 'a due slot', answer, 202, 'accepted')
        t.equal('job_id', at(answer.body, 'job_id'), id)
        const runId = textAt(answer.body, 'run_id')
        const [ran] = await until(
          'the run',
          () => world.target.callsAt(path)[0] && world.target.callsAt(path),
        )
        t.equal('run of the call', ran?.headers['x-chronos-run'], runId)
        const run = await world.api.get(`/api/runs/${runId}`)
        t.equal('GET /api/runs/{run_id}', run.status, 200)
      },
    },
  },
  {
    name: 'armed-before-202',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await dueJob(world, { place: world.target.place({ holdMs: 1500 }) })
        const row = await rowOf(world, id)
        isStatus(t, 'a due slot', await world.portal.relay.fireNow(row), 202)
        const held = world.portal.rows.get(id)
        t.that(
          'the next wake-up is armed when it is answered',
          held !== row && Date.parse(held?.fireAt ?? '') > Date.now(),
          { expected: 'a new row, ahead', seen: held },
        )
      },
    },
  },
  {
    name: 'duplicate',
    service: {
      needs: everything,
      async check(t, world) {
        const { id, path, slot } = await dueJob(world, { place: world.target.place({ holdMs: 800 }) })
        const fireAt = (await rowOf(world, id)).fireAt
        await atInstant(slot)
        isStatus(t, 'the first', await world.fire(id, { fireAt }), 202, 'accepted')
        isStatus(t, 'the same again, in mid-run', await world.fire(id, { fireAt }), 200, 'duplicate')
        isArmedAhead(t, 'armed', world, id)
        await until(
          'the run ends',
          async () => at((await world.api.get(`/api/jobs/${id}`)).body, 'job.last_status') === 'ok',
        )
        const late = await world.fire(id, { fireAt })
        isStatus(t, 'the same again, afterwards', late, 200)
        t.oneOf('the same again, afterwards: answer', at(late.body, 'status'), ['duplicate', 'not_due'])
        t.equal('runs', world.target.callsAt(path).length, 1)
      },
    },
  },
  {
    name: 'fires-at-once',
    service: {
      needs: everything,
      async check(t, world, bench) {
        const random = bench.random('fires-at-once')
        const { id, path, slot } = await dueJob(world)
        await atInstant(slot)
        const answers = await Promise.all(Array.from({ length: 6 + random.below(6) }, () => world.fire(id)))
        const words = answers.map((it) => at(it.body, 'status'))
        t.equal('accepted', words.filter((word) => word === 'accepted').length, 1)
        for (const answer of answers) t.oneOf('status', answer.status, [200, 202])
        for (const word of words) t.oneOf('answer', word, ['accepted', 'duplicate', 'not_due'])
        await until('the run', () => world.target.callsAt(path)[0])
        t.equal('runs', world.target.callsAt(path).length, 1)
      },
    },
  },
  {
    name: 'unarmed',
    waits: 21,
    async own(t, bench) {
      await bench.withWorld({}, async (world) => {
        const { id, path, slot } = await dueJob(world)
        await atInstant(slot)
        world.portal.answer('provision', replies.json(500))
        isRetryLater(t, 'a fire whose next wake-up cannot be armed', await world.fire(id))
        await until('the run goes on all the same', () => world.target.callsAt(path)[0])
        isRetryLater(t, 'the retry while NAS is down', await world.fire(id))
        world.portal.answer('provision')
        const repaired = await until('the retry to be answered 2xx', async () => {
          const answer = await world.fire(id)
          return answer.status < 300 ? answer : null
        })
        t.oneOf('answer of the retry', at(repaired.body, 'status'), ['accepted', 'duplicate', 'not_due'])
        isArmedAhead(t, 'armed', world, id)
        t.equal('runs', world.target.callsAt(path).length, 1)
      })
    },
  },
  {
    name: 'never-early',
    service: {
      needs: everything,
      async check(t, world) {
        const { id, path, slot } = await dueJob(world, { ms: 2500 })
        isStatus(t, 'up to 60 s early', await world.fire(id), 202, 'accepted')
        t.equal('runs before the slot', Date.now() < slot ? world.target.callsAt(path).length : 0, 0)
        const ran = await until('the run', () => world.target.callsAt(path)[0])
        t.that('ms after the slot', ran.at >= slot - 5, {
          expected: '0 or more',
          seen: ran.at - slot,
        })
        const later = daily(90_000)
        const far = await world.job({ schedule: later.schedule })
        isStatus(t, '90 s early', await world.fire(far.id), 200, 'not_due')
      },
    },
  },
  {
    name: 'late-and-out-of-order',
    service: {
      needs: everything,
      async check(t, world) {
        const { id, path, slot } = await dueJob(world)
        await atInstant(slot + 1500)
        const fireAt = iso(slot - 86_400_000)
        isStatus(t, 'late, with the fire_at of yesterday', await world.fire(id, { fireAt }), 202, 'accepted')
        await until('the run', () => world.target.callsAt(path)[0])
        t.equal(
          'slot of the run',
          world.target.callsAt(path)[0]?.headers['x-chronos-slot'],
          new Date(slot).toISOString(),
        )
      },
    },
  },
  {
    name: 'fire-fields',
    service: {
      needs: everything,
      async check(t, world) {
        const { id } = await dueJob(world)
        const accepted = await world.fire(id)
        t.equal('fields of 202', keysOf(accepted.body).sort(), ['job_id', 'run_id', 'status'])
      },
    },
  },
]

/** A one-shot that NAS lost: the next wake of any job looks for those that are overdue by a minute. */
const lost: Clause = {
  name: 'lost-arm',
  waits: 66,
  async own(t, bench) {
    await bench.withWorld({}, async (world) => {
      const lostJob = await dueJob(world)
      const { slot } = lostJob
      const other = await world.job({ schedule: 'in 2h' })
      world.portal.rows.delete(lostJob.id)
      await atInstant(slot + 63_000)
      const seen = await world.api.get(`/api/jobs/${lostJob.id}`)
      t.equal('`armed` once the armed instant has passed', at(seen.body, 'job.armed'), false)
      t.equal('runs before', world.target.callsAt(lostJob.path).length, 0)
      isStatus(t, 'a fire of another job', await world.fire(other.id), 200, 'not_due')
      const ran = await eventually(() => world.target.callsAt(lostJob.path)[0], 10_000)
      t.that('the lost one is attended to', ran !== undefined, {
        expected: 'a run',
        seen: 'none within 10 s',
      })
      const isArmed = () => Date.parse(world.portal.rows.get(lostJob.id)?.fireAt ?? '') > Date.now()
      t.that('and armed again', await eventually(isArmed, 5000), { expected: 'a row', seen: 'none' })
    })
  },
}

export const fire: Group = { name: 'fire', clauses: [lost, ...unready, ...bodies, ...states] }

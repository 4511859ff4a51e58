import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({ env: { CRON_PROVIDER: 'builtin' }, clock: '2026-06-18T08:00:00Z' })
})
after(() => service.close())

/** `npm run` prints what it took; the limit here is for a machine that is busy with other tests. */
const mostMs = 20_000

test('a thousand jobs are applied, changed and removed in one request each', async (t) => {
  const jobs = (minute: number) =>
    Object.fromEntries(
      Array.from({ length: 1_000 }, (_, n) => [
        `job-${n}`,
        {
          schedule: `${(minute + n) % 60} ${n % 24} * * *`,
          timezone: 'Europe/Berlin',
          action: { type: 'http', url: `${service.target.url}/hook?n=${n}`, headers: { 'x-n': String(n) } },
        },
      ]),
    )
  async function timed(what: string, path: string, file: object, expected: object) {
    const [beganAt, used] = [performance.now(), process.cpuUsage()]
    const { status, body } = await service.api('POST', path, file)
    const tookMs = performance.now() - beganAt
    const { user, system } = process.cpuUsage(used)
    t.diagnostic(`${what}: ${Math.round(tookMs)} ms, ${Math.round((user + system) / 1000)} of the processor`)
    assert.equal(status, 200, JSON.stringify(body).slice(0, 500))
    const { made, changed, removed, kept } = body
    assert.deepEqual(
      { made, changed, removed, kept },
      { made: 0, changed: 0, removed: 0, kept: 0, ...expected },
    )
    assert.ok(tookMs < mostMs, `${what} took ${tookMs} ms`)
  }
  const owner = 'many'
  await timed('planned', '/api/plan', { owner, jobs: jobs(0) }, { made: 1000 })
  await timed('made', '/api/apply', { owner, jobs: jobs(0) }, { made: 1000 })
  await timed('found as they are', '/api/apply', { owner, jobs: jobs(0) }, { kept: 1000 })
  await timed('changed', '/api/apply', { owner, jobs: jobs(1) }, { changed: 1000 })
  await timed('removed', '/api/apply?prune=true', { owner, jobs: {} }, { removed: 1000 })
})

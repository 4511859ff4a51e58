import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Setup, setup, useRelease } from './setup.ts'
import { freePort } from '../../dev/free-port.ts'

useRelease()

/** A run that takes `ms` at the target, under way. */
async function runOf({ target, makeJob, runNow, retryOnce }: Setup, ms: number) {
  const { id: jobId } = await makeJob()
  await retryOnce(jobId)
  target.behave('/hook', { does: 'slow', value: ms, times: 1 })
  const runId = await runNow(jobId)
  await target.waitFor(1)
  return { jobId, runId }
}

const countOf = ({ fly }: Setup, what: string) => fly.events.filter((event) => event.what === what).length

test('a run that is longer than the idle time keeps its machine up, and then the machine goes down', async (context) => {
  const world = await setup(context)
  const { jobId } = await runOf(world, 1_500)
  const starts = countOf(world, 'start')
  assert.equal((await world.ended(jobId)).state, 'succeeded')
  await world.down(starts)
  assert.equal(countOf(world, 'start'), starts)
})

test('autostop that stops in mid-run leaves the run to end by itself', async (context) => {
  const world = await setup(context, {
    ...{ autoStop: 'stop', autoStopEveryMs: 700 },
    env: { DRAIN_FINISH_MS: '3000', DRAIN_TIMEOUT_MS: '4500' },
  })
  const { jobId, runId } = await runOf(world, 1_500)
  const { state, attempt } = await world.ended(jobId, runId)
  assert.deepEqual({ state, attempt }, { state: 'succeeded', attempt: 1 })
  await world.down()
  assert.ok(countOf(world, 'signal') >= 1)
  assert.equal(world.target.calls.length, 1)
})

test('autostop that suspends in mid-run loses nothing: the wake-up at the lease brings the run to its end', async (context) => {
  const world = await setup(context, {
    ...{ autoStop: 'suspend', autoStopEveryMs: 800 },
    env: { RUN_LEASE_MS: '1500' },
  })
  const { jobId, runId } = await runOf(world, 1_200)
  const { state } = await world.ended(jobId, runId)
  assert.equal(state, 'succeeded')
  assert.ok(countOf(world, 'suspend') >= 1)
  assert.ok(countOf(world, 'resume') >= 1)
})

test('SIGTERM in mid-run with 5 s to live: the run is written down as interrupted, and its next attempt is armed', async (context) => {
  const world = await setup(context, {
    settings: { killSignal: 'SIGTERM', killTimeoutMs: 5_000 },
    env: { DRAIN_TIMEOUT_MS: '3000' },
  })
  const { jobId } = await runOf(world, 60_000)
  await world.fly.machines[0]?.stop('an operator')
  assert.equal(countOf(world, 'kill'), 0)
  const [run] = await world.database
    .sql`select state, attempts -> 0 ->> 'state' as first from runs where job_id = ${jobId}`
  assert.equal(run?.['first'], 'interrupted')
  const { state, attempt } = await world.ended(jobId)
  assert.deepEqual({ state, attempt }, { state: 'succeeded', attempt: 2 })
})

test('SIGTERM in mid-run with 300 s to live: the run ends by itself, and the process after it', async (context) => {
  const world = await setup(context, {
    settings: { killSignal: 'SIGTERM', killTimeoutMs: 300_000 },
    env: { DRAIN_TIMEOUT_MS: '280000', DRAIN_FINISH_MS: '240000' },
  })
  const { jobId, runId } = await runOf(world, 1_500)
  await world.fly.machines[0]?.stop('an operator')
  const { state, attempt } = await world.ended(jobId, runId)
  assert.deepEqual({ state, attempt }, { state: 'succeeded', attempt: 1 })
  assert.equal(world.fly.events.findLast(({ what }) => what === 'exit')?.detail, '0')
})

test('after SIGKILL in mid-run NAS wakes a machine at the end of the lease, which makes the next attempt', async (context) => {
  const world = await setup(context, { settings: { restart: 'no' }, env: { RUN_LEASE_MS: '1500' } })
  const { jobId } = await runOf(world, 60_000)
  world.fly.machines[0]?.crash()
  const { state, attempt } = await world.ended(jobId)
  assert.deepEqual({ state, attempt }, { state: 'succeeded', attempt: 2 })
  await world.down(2)
  assert.ok(world.fires(jobId).length >= 1)
})

test('a run that hangs ends by its deadline, and the machine goes down', async (context) => {
  const world = await setup(context, { env: { MAX_RUN_MS: '1000' } })
  const { id } = await world.makeJob()
  world.target.behave('/hook', { does: 'hang' })
  await world.runNow(id)
  const { state, error_code } = await world.ended(id)
  assert.deepEqual({ state, error_code }, { state: 'timed_out', error_code: 'DEADLINE' })
  await world.down()
})

test('health checks, scrapes and strangers alone keep no machine up', async (context) => {
  const metricsPort = await freePort()
  const world = await setup(context, {
    checks: [
      { path: '/healthz', everyMs: 40 },
      { path: '/metrics', everyMs: 40, port: () => metricsPort },
    ],
    env: { METRICS_PORT: String(metricsPort) },
  })
  await world.makeJob()
  const isUp = () => world.fly.machines[0]?.state() === 'started'
  const seen = new Set<number>()
  while (isUp()) {
    for (const path of ['/wp-login.php', '/api/jobs', '/api/cron/fire']) {
      // straight to the machine: through the proxy a stranger would wake the next one
      const answer = await fetch(`http://127.0.0.1:${world.fly.machines[0]?.port}${path}`, {
        method: 'POST',
      }).catch(() => null)
      if (answer) seen.add(answer.status)
    }
  }
  assert.deepEqual(seen, new Set([401, 404]))
  assert.equal(world.fly.events.findLast(({ what }) => what === 'exit')?.detail, '0')
})

test('after hours of suspension a fire is refused while the clock is behind, sent again, and runs once', async (context) => {
  const world = await setup(context, {
    env: { IDLE_EXIT_MS: '60000' },
    settings: { clocks: true, sleptMs: 6 * 3_600_000, stepClockAfterMs: 700 },
    onSuspend: () => void world.postgres.setMode('reset').then(() => world.postgres.setMode('pass')),
  })
  const job = await world.makeJob({ schedule: 'in 2s' })
  world.fly.machines[0]?.suspend()
  await world.target.waitFor(1, 15_000)
  assert.equal((await world.ended(job.id)).state, 'succeeded')
  // A short run has ended, and its next wake-up is armed, before its fire is answered.
  await world.nas.waitFor(() => world.fires(job.id).includes(202), 15_000)
  const statuses = world.fires(job.id)
  assert.equal(statuses[0], 401)
  assert.equal(statuses.at(-1), 202)
  assert.equal(world.target.calls.length, 1)
})

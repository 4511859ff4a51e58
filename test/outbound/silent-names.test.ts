import assert from 'node:assert/strict'
import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startNas } from '../../dev/nas/index.ts'
import { nameServer } from '../support/name-server.ts'
import { startService } from '../support/service.ts'
import { assertTook } from '../support/limits.ts'

test('with 12 targets at names whose name server is silent, all else goes on as if they were not there', async (t) => {
  const { place, asked } = await nameServer(t, () => 'silent')
  const nas = await startNas()
  t.after(() => nas.close())
  // by name, so that each call of NAS looks one up
  const portal = (nas.environment()['NAS_PORTAL_URL'] ?? '').replace('127.0.0.1', 'localhost')
  const service = await startService({
    nas,
    nameServers: [place],
    env: { NAS_PORTAL_URL: portal, MAX_CONCURRENT_RUNS: '48' },
  })
  t.after(() => service.close())
  const stuck: string[] = []
  for (let n = 0; n < 12; n++) {
    const action = { type: 'http', url: `http://silent-${n}.example/` }
    stuck.push(await started(await service.makeJob({ action })))
  }
  while (new Set(asked.map((one) => one.split(' ')[1])).size < 12) await sleep(5)
  const startedAt = performance.now()
  // neither the look-ups of the system nor files wait
  await Promise.all([lookup('localhost'), readFile(new URL(import.meta.url))])
  const healthy = await Promise.all(
    Array.from({ length: 6 }, async () => ends(await started(await service.makeJob()))),
  )
  assert.deepEqual(
    healthy.map(({ state }) => state),
    Array(6).fill('succeeded'),
  )
  assertTook(performance.now() - startedAt, 4_000, 'what does not wait for silent names')
  const failed = await Promise.all(stuck.map(ends))
  assert.deepEqual(
    failed.map(({ error }) => error.code),
    Array(12).fill('DNS_FAILED'),
  )

  // what failed is not tried again at once, and says when it will be
  const [first = ''] = asked.map((one) => one.split(' ')[1])
  const again = await ends(
    await started(await service.makeJob({ action: { type: 'http', url: `http://${first}/` } })),
  )
  assert.equal(again.error.code, 'TARGET_PAUSED')
  assert.match(again.error.message, /calls resume at 20\d\d-/)

  async function started({ id }: { id: string }): Promise<string> {
    const { status, body } = await service.api('POST', `/api/jobs/${id}/run`)
    assert.equal(status, 202)
    return body.run.id
  }

  async function ends(runId: string) {
    for (;;) {
      const { body } = await service.api('GET', `/api/runs/${runId}`)
      if (body.run.finished_at !== null) return body.run
      await sleep(20)
    }
  }
})

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { serveMetrics } from '../../src/process/metrics-port.ts'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({ env: { METRICS_PORT: '0' } })
})
after(() => service.close())

test('with METRICS_PORT the metrics are served there without a key, and no longer on the main port', async () => {
  const server = await serveMetrics('127.0.0.1', 0, service.app.metrics)
  const { port } = server.address() as { port: number }
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`)
  assert.equal(answer.status, 200)
  assert.match(await answer.text(), /^chronos_arms_owed 0$/m)
  assert.equal((await fetch(`http://127.0.0.1:${port}/api/jobs`)).status, 404)
  assert.equal((await service.api('GET', '/metrics')).status, 404)
  server.close()
})

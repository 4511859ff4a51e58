import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { readMetrics } from '../../dev/metrics/read.ts'
import { faultsOf } from '../../dev/metrics/rules.ts'
import { receivers } from '../../src/delivery/senders/receivers.ts'
import { type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

let service: Service
before(async () => {
  service = await startService({ clock: '2026-06-18T08:59:58Z' })
})
after(() => service.close())

const scrape = async () => readMetrics((await service.api('GET', '/metrics')).body)

/** The value of a sample with these labels; undefined: it is not there. */
function valueOf(families: Awaited<ReturnType<typeof scrape>>, name: string, labels: object = {}) {
  const family = families.get(name.replace(/_(?:bucket|sum|count)$/, '')) ?? families.get(name)
  const wanted = Object.entries(labels)
  return family?.samples.find(
    (sample) => sample.name === name && wanted.every(([label, value]) => sample.labels[label] === value),
  )?.value
}

test('a scrape is in the format that Prometheus reads strictly, and has no name that its rules object to', async () => {
  const families = await scrape()
  assert.ok(families.size > 40, `${families.size}`)
  assert.deepEqual([...families.values()].flatMap(faultsOf), [])
})

test('the name says whose a number is: the help of each says the same', async () => {
  for (const { name, help } of (await scrape()).values()) {
    if (!name.startsWith('chronos_')) continue
    const ofProcess = /of this process alone: sum\(\) adds machines up$/i.test(help)
    const ofService = /of the whole service, the same on every machine: use max\(\)$/i.test(help)
    assert.deepEqual(
      [ofProcess, ofService],
      [name.startsWith('chronos_process_'), !ofProcess],
      `${name}: ${help}`,
    )
  }
})

test('fires, arms, claims and deliveries are counted, and those that have not happened yet are there with 0', async () => {
  const url = `${service.target.url}/ping`
  const job = await service.makeJob({ deliver: [{ type: 'healthcheck', url }] })
  const earlier = await scrape()
  assert.equal(valueOf(earlier, 'chronos_fires_total', { answer: 'accepted' }), 0)
  for (const { type } of receivers)
    for (const outcome of ['delivered', 'retry', 'failed', 'disabled'])
      assert.equal(valueOf(earlier, 'chronos_deliveries_total', { type, outcome }), 0, `${type} ${outcome}`)

  service.setClock('2026-06-18T09:00:01Z')
  assert.equal((await service.fire({ job_id: job.id })).status, 202)
  const pinged = { type: 'healthcheck', outcome: 'delivered' }
  const later = await until('the delivery is counted', async () => {
    const families = await scrape()
    return valueOf(families, 'chronos_deliveries_total', pinged) ? families : null
  })
  assert.equal(valueOf(later, 'chronos_fires_total', { answer: 'accepted' }), 1)
  const grown = (name: string, labels = {}) =>
    (valueOf(later, name, labels) ?? 0) - (valueOf(earlier, name, labels) ?? 0)
  assert.equal(grown('chronos_runs_total', { outcome: 'succeeded' }), 1)
  assert.equal(grown('chronos_slots_total', { verdict: 'ran' }), 1)
  assert.equal(grown('chronos_run_lateness_seconds_count'), 1)
  assert.equal(grown('chronos_run_lateness_seconds_sum'), 1, 'fired a second after its slot')
  assert.ok(grown('chronos_arms_total', { outcome: 'armed' }) >= 1)
  assert.ok(grown('chronos_arm_duration_seconds_count') >= 1)
  assert.equal(grown('chronos_claim_duration_seconds_count'), 1)
  assert.ok(grown('chronos_statement_duration_seconds_count') > 5)
})

test('what was refused is counted under the reason', async () => {
  await service.fire({ job_id: 'aaaaaaaaaaaa' })
  assert.equal(valueOf(await scrape(), 'chronos_fires_total', { answer: 'gone' }), 1)
  for (let n = 0; n < 3; n++)
    assert.equal((await service.fire({ job_id: 'aaaaaaaaaaaa' }, 'forged')).status, 401)
  assert.equal((await service.fire({ job_id: 7 })).status, 400)
  const counted = await scrape()
  assert.equal(valueOf(counted, 'chronos_fires_total', { answer: 'token_rejected' }), 3)
  assert.equal(valueOf(counted, 'chronos_fires_total', { answer: 'field_invalid' }), 1)
  await service.nas.misbehave('answer', '500', { times: 1, call: 'provision' })
  await service.makeJob()
  assert.equal(valueOf(await scrape(), 'chronos_arms_total', { outcome: 'failed' }), 1)
})

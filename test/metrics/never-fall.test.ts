import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ReadFamily, readMetrics } from '../../dev/metrics/read.ts'
import { setup, useRelease } from '../fly/setup.ts'
import { until } from '../support/until.ts'

// The program as it is shipped, in machines that are off, are killed, and are one of several.

useRelease()

/** Every value of ours that may only grow: counters, and the parts of histograms. What Node counts begins with its process. */
function growing(families: Map<string, ReadFamily>): Map<string, number> {
  const ours = [...families.values()].filter(
    ({ name, type }) => name.startsWith('chronos_') && (type === 'counter' || type === 'histogram'),
  )
  return new Map(
    ours.flatMap(({ samples }) =>
      samples.map(({ name, labels, value }) => [`${name} ${JSON.stringify(labels)}`, value] as const),
    ),
  )
}

test('no counter falls when its process leaves, or is killed; a machine that lived for seconds has counted', async (context) => {
  const { fly, target, api, makeJob, down, database } = await setup(context)
  const scrape = async () => {
    const { status, body } = await api('GET', '/metrics')
    assert.equal(status, 200)
    return growing(readMetrics(body['text'] as string))
  }
  await makeJob({ schedule: 'every 3s', repeat: 2 })
  await target.waitFor(2, 30_000)
  await until('both runs have ended', async () => {
    const [row] = await database.sql`select count(*) as n from runs where state = 'succeeded'`
    return row?.['n'] === 2 || null
  })
  await down()
  const kept = await database.sql`select value from counters
    where name = 'chronos_fires_total' and labels = '{"answer":"accepted"}'`
  assert.ok(Number(kept[0]?.['value']) >= 1, 'the fires of machines that left without a scrape')

  const first = await scrape()
  assert.ok((first.get('chronos_cold_start_duration_seconds_count {}') ?? 0) >= 1)
  const machine = fly.machines.find((one) => one.state() === 'started')
  machine?.crash()
  await until('the machine is gone', () => machine?.state() !== 'started' || null)
  await makeJob()
  const second = await scrape()
  for (const [name, value] of first)
    assert.ok((second.get(name) ?? -1) >= value, `${name} fell from ${value}`)
  assert.notDeepEqual(second, first)
})

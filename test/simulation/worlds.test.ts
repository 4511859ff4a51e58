import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type WorldResult, simulate } from '../../dev/simulation/simulate.ts'

// About 5,500 slots. The long run is `node dev/simulation/main.ts --seeds 30000`.
const worlds = 100

test('whatever dies, is lost, late or doubled: no slot and no outcome is lost, and no slot runs twice', async () => {
  const totals = {
    slots: 0,
    ran: 0,
    extra: 0,
    deliveries: 0,
    chained: 0,
    reported: 0,
    pauses: 0,
    rowsLost: 0,
  }
  for (let seed = 1; seed <= worlds; seed++) {
    const { violations, ...outcome } = await simulate(seed)
    const replay = `node dev/simulation/main.ts --seed ${seed} --trace`
    assert.deepEqual(violations, [], `replay: ${replay}`)
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += outcome[key]
  }
  assert.equal(totals.extra, 0)
  const { slots, ran, deliveries, chained, reported, pauses, rowsLost } = totals
  const isMuch =
    slots > 1_500 &&
    ran > 800 &&
    deliveries > 400 &&
    chained > 25 &&
    reported > 100 &&
    pauses > 100 &&
    rowsLost > 20
  assert.ok(isMuch, `too little happens: ${JSON.stringify(totals)}`)
})

test('a seed gives the same world each time, step by step', async () => {
  const traces: string[][] = [[], []]
  const outcomes: WorldResult[] = []
  // the numbers of arm leases are counted by the process, over all worlds
  for (const lines of traces)
    outcomes.push(await simulate(7, (line) => lines.push(line.replaceAll(/\/\d+\/\d+"/g, '"'))))
  assert.ok((traces[0]?.length ?? 0) > 1_000)
  assert.deepEqual(traces[0], traces[1])
  assert.deepEqual(outcomes[0], outcomes[1])
})

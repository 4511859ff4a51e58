import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paths, webhookSecret } from '../../dev/torture/effects.ts'
import { playOnce } from '../../dev/torture/kill.ts'
import { scenarios } from '../../dev/torture/scenarios.ts'
import type { World } from '../../dev/torture/world.ts'
import { at, historyOf, mostOf, set, stage } from './setup.ts'

const common = await stage()

const told = ({ target }: World) => [
  { type: 'webhook', url: `${target.url}${paths.told}`, secrets: [webhookSecret], on: 'always' },
]
const later = ({ target }: World, deadlineMs: number) => ({
  url: `${target.url}${paths.later}`,
  callback: { deadline_ms: deadlineMs },
})

test('a delivery whose process died with it is sent again when its lease has ended, under the same id', async (t) => {
  const { world, witness, make } = await set(t, common)
  const id = await make({ schedule: '5 * * * *', deliver: told(world) })
  world.steps.begin([{ at: 'delivery.send', when: 'after' }])
  await world.until(at(8))
  const [first, second, ...others] = witness.receipts()
  assert.deepEqual(others, [])
  assert.equal(second?.id, first?.id)
  assert.deepEqual(await outboxOf(world, id), [{ state: 'delivered', attempt: 2, event: 'success' }])
})

test('a process that dies while a delivery is under way is found when the lease of that has ended, not at the next slot', async (t) => {
  const { world, witness, make } = await set(t, common, { patienceMs: 60 })
  const id = await make({ schedule: '5 * * * *', deliver: told(world) })
  world.target.behave(paths.told, { does: 'hang', times: 1 })
  await world.until(at(5, 10))
  assert.equal(witness.receipts().length, 1)
  // the arm of the claim is replaced by now
  for (const { life } of world.machines()) life.die()
  await world.until(at(8))
  assert.deepEqual(await outboxOf(world, id), [{ state: 'delivered', attempt: 2, event: 'success' }])
})

test('what a frozen process says of its try is not written once another one holds the delivery', async (t) => {
  const { world, witness, make } = await set(t, common, { machines: 2, patienceMs: 60 })
  const id = await make({ schedule: '5 * * * *', deliver: told(world) })
  world.steps.begin([{ at: 'delivery.send', when: 'after', freezes: true }])
  await world.until(at(5, 30))
  const [frozen] = world.machines().filter(({ life }) => life.isFrozen())
  world.target.behave(paths.told, { does: 'hang', times: 1 })
  await world.until(at(6, 10))
  assert.equal(witness.receipts().length, 2)
  frozen?.life.thaw()
  await world.until(at(6, 15))
  assert.deepEqual(await outboxOf(world, id), [{ state: 'pending', attempt: 2, event: 'success' }])
  await world.until(at(9))
  assert.deepEqual(await outboxOf(world, id), [{ state: 'delivered', attempt: 3, event: 'success' }])
})

test('a target that never reports is found at its deadline, with no process there in between', async (t) => {
  const { world, make } = await set(t, common)
  const id = await make({ schedule: '5 * * * *', action: later(world, 120_000) })
  await world.until(at(6))
  assert.equal(world.machines().length, 0)
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'waiting', 1]])
  await world.until(at(7, 10))
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'timed_out', 1]])
})

test('a job is started once by the outcome of another one, wherever the process dies that starts it', async () => {
  const scenario = scenarios.find(({ name }) => name === 'chain, two machines')
  assert.ok(scenario)
  const play = { ...common, scenario, retries: false }
  const quiet = await playOnce({ ...play, kills: [] })
  assert.deepEqual(quiet.problems, [])
  const begins = quiet.labels.indexOf('store.jobOfRun') + 1
  assert.ok(begins > 0)
  for (let step = begins; step < begins + 8; step++) {
    const { problems, told: count } = await playOnce({ ...play, kills: [{ step, when: 'after' }] })
    assert.deepEqual(problems, [], `killed after step ${step}`)
    assert.equal(count.chained, 1)
  }
})

test('a start that was made before is not told as done before its wake-up is armed', async (t) => {
  const { world, make } = await set(t, common, { machines: 2 })
  const ahead = await make({ schedule: '5 * * * *' })
  const id = await follow(world, ahead)
  // both stay up, so that no boot looks after what is owed
  for (const machine of [world.wake(), world.wake()]) machine.holds.take('request')
  world.steps.begin([{ at: 'store.jobOfRun', when: 'after', freezes: true }])
  await world.until(at(5, 1))
  const [starter] = world.machines().filter(({ life }) => life.isFrozen())
  world.steps.begin([{ at: 'store.transition', when: 'after', freezes: true }])
  starter?.life.thaw()
  await world.until(at(5, 2))
  assert.deepEqual(
    world.machines().map(({ life }) => life.isFrozen()),
    [true, false],
  )
  assert.deepEqual(mostOf(await historyOf(world, id)), [[null, 'running', 1]])
  await world.until(at(9))
  assert.deepEqual(mostOf(await historyOf(world, id)), [[null, 'interrupted', 1]])
})

test('a report that was taken is not refused before what follows from it is armed', async (t) => {
  const { world, witness, make } = await set(t, common, { machines: 2 })
  const urls: string[] = []
  witness.begin(world.now, {
    called({ headers }) {
      if (headers['x-chronos-callback']) urls.push(headers['x-chronos-callback'])
    },
  })
  const id = await make({ schedule: '5 * * * *', deliver: told(world), action: later(world, 1_800_000) })
  for (const machine of [world.wake(), world.wake()]) machine.holds.take('request')
  await world.until(at(6))
  world.steps.begin([{ at: 'store.transition', when: 'after', freezes: true }])
  world.reporter.report(urls[0] ?? '', 0)
  await world.until(at(6, 5))
  world.reporter.report(urls[0] ?? '', 0)
  await world.until(at(6, 20))
  assert.deepEqual(
    world.reporter.answered().map(({ answer }) => answer),
    ['CALLBACK_GONE'],
  )
  await world.until(at(9))
  assert.deepEqual(mostOf(await historyOf(world, id)), [['12:05:00', 'succeeded', 1]])
  assert.deepEqual(await outboxOf(world, id), [{ state: 'delivered', attempt: 2, event: 'success' }])
})

test('which outcomes start a job is as it is when the job ahead ends, also where that was changed while it ran', async (t) => {
  const { world, make } = await set(t, common)
  const ahead = await make({ schedule: '5 * * * *', action: { hold_ms: 60_000 } })
  const id = await follow(world, ahead)
  await world.until(at(5, 30))
  await world.client.change(id, { after: { job: ahead, on: ['failure'] } })
  await world.until(at(9))
  assert.deepEqual(mostOf(await historyOf(world, ahead)), [['12:05:00', 'succeeded', 1]])
  assert.deepEqual(mostOf(await historyOf(world, id)), [])
})

async function follow({ client, target }: World, job: string): Promise<string> {
  const id = await client.create({
    schedule: null,
    after: { job, on: ['success'] },
    action: { type: 'http', url: `${target.url}${paths.called}` },
  })
  if (id === null) throw new Error('the job was not made')
  return id
}

async function outboxOf({ database }: World, jobId: string) {
  const rows = await database.sql<{ state: string; attempt: number; event: string }[]>`
    select state, attempt, event from deliveries where job_id = ${jobId} order by seq`
  return [...rows]
}

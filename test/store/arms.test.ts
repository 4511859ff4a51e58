import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { takeArms } from '../../db/arms.ts'
import { armLeaseMs, at, claim, decide, lookAt, type Opened, openStore, race, writing } from './setup.ts'
import { until } from '../support/until.ts'

let opened: Opened
before(async () => {
  opened = await openStore()
})
after(() => opened.close())

const registry = async (jobId: string) => (await lookAt(opened.store, jobId)).registry
const lease = (holder = 'an order') => ({ holder, heirOf: holder.split('/')[0] ?? '', ms: armLeaseMs })
const take = (jobId: string, holder = 'an order') => opened.store.takeArm({ jobId, lease: lease(holder) })
const armed = (gen: number, fireAt = at('09:00:00'), holder = 'an order') =>
  ({ gen, fireAt, mayBeHeld: true, tookMs: 5, outcome: 'armed', scheduleId: `s${gen}`, holder }) as const

async function orderOf(jobId: string, holder = 'an order') {
  const taken = await take(jobId, holder)
  assert.equal(taken.state, 'order')
  return taken.state === 'order' ? taken.order : assert.fail()
}

async function freshJob() {
  opened.setTime('08:30:00')
  return opened.job()
}

test('of 32 that want to arm a job, one gets the order, and the others learn that it is taken', async () => {
  const jobId = await freshJob()
  const taken = await race(32, (n) => take(jobId, `order ${n}`))
  assert.equal(taken.filter(({ state }) => state === 'order').length, 1)
  assert.equal(taken.filter(({ state }) => state === 'busy').length, 31)
})

test('the order names the wake time and its generation', async () => {
  const jobId = await freshJob()
  const order = await orderOf(jobId)
  assert.deepEqual(order, {
    jobId,
    holder: 'an order',
    gen: 1,
    wakeAt: at('09:00:00'),
    recentArms: [],
    armed: null,
    now: at('08:30:00'),
  })
})

test('an order is given again once the arm lease has ended, and not before', async () => {
  const jobId = await freshJob()
  await orderOf(jobId)
  opened.setTime('08:30:19')
  assert.equal((await take(jobId, 'another')).state, 'busy')
  opened.setTime('08:30:20')
  assert.equal((await take(jobId, 'another')).state, 'order')
})

test('a confirmed arm is owed no more, and gives no order', async () => {
  const jobId = await freshJob()
  const { gen } = await orderOf(jobId)
  assert.deepEqual(await opened.store.recordArm(jobId, armed(gen)), { isOwed: false, isWritten: true })
  assert.equal((await take(jobId)).state, 'armed')
  const { armedGen, wakeGen, armedAt, armedSchedule } = await registry(jobId)
  assert.deepEqual([armedGen, wakeGen, armedAt, armedSchedule], [1, 1, at('09:00:00'), 's1'])
})

test('the holder of the arm lease may take it again, and gets the order as it is by then', async () => {
  const jobId = await freshJob()
  assert.equal((await orderOf(jobId)).gen, 1)
  opened.setTime('09:00:00')
  await claim(opened.store, jobId)
  assert.equal((await take(jobId, 'another')).state, 'order', 'the first lease has ended')
  assert.equal((await take(jobId)).state, 'busy')
  const again = await orderOf(jobId, 'another')
  assert.deepEqual([again.gen, again.holder], [2, 'another'])
})

test('once it has taken it again, what it says of its earlier order counts no more', async () => {
  const jobId = await freshJob()
  const first = await orderOf(jobId, 'an order/1')
  const second = await orderOf(jobId, 'an order/2')
  const late = armed(first.gen, at('08:59:00'), first.holder)
  assert.deepEqual(await opened.store.recordArm(jobId, late), { isOwed: true, isWritten: false })
  assert.equal((await registry(jobId)).armedGen, 0)
  assert.equal((await take(jobId, 'another')).state, 'busy')
  assert.deepEqual(await opened.store.recordArm(jobId, armed(second.gen, at('09:00:00'), second.holder)), {
    isOwed: false,
    isWritten: true,
  })
})

test('an order, and the trace of a deleted job, name the wake-up that the timer holds', async () => {
  const jobId = await freshJob()
  const { gen } = await orderOf(jobId)
  await opened.store.recordArm(jobId, armed(gen))
  await opened.store.disownArm(jobId, gen)
  assert.deepEqual((await orderOf(jobId)).armed, { at: at('09:00:00'), scheduleId: `s${gen}` })
  assert.equal(await opened.store.orphanSchedule(jobId), null)
  await opened.store.deleteJob(jobId)
  assert.equal(await opened.store.orphanSchedule(jobId), `s${gen}`)
})

test('a job that is gone owes nothing', async () => {
  assert.equal((await take('0123456789ab')).state, 'armed')
})

test('an arm that was asked for before the wake time moved leaves the new one owed', async () => {
  const jobId = await freshJob()
  const { gen } = await orderOf(jobId)
  opened.setTime('09:00:00')
  await claim(opened.store, jobId)
  assert.deepEqual(await opened.store.recordArm(jobId, armed(gen)), { isOwed: true, isWritten: true })
  assert.equal((await orderOf(jobId)).gen, 2)
})

test('a former order records nothing, also where the newer one is of the same process, and learns that the arm is owed still', async () => {
  const jobId = await freshJob()
  const { gen } = await orderOf(jobId)
  opened.setTime('08:31:00')
  await orderOf(jobId, 'another')
  const known = await registry(jobId)
  assert.deepEqual(await opened.store.recordArm(jobId, armed(gen, at('09:00:00'))), {
    isOwed: true,
    isWritten: false,
  })
  assert.deepEqual(await registry(jobId), known)
  assert.deepEqual(await opened.store.recordArm(jobId, armed(gen, at('08:59:59'), 'another')), {
    isOwed: false,
    isWritten: true,
  })
  assert.deepEqual(
    (await opened.store.readArms(jobId)).map(({ fireAt }) => fireAt),
    [at('08:59:59')],
    'nor does it tell a story',
  )
})

test('a generation that was confirmed stays confirmed, whatever a later call says', async () => {
  const jobId = await freshJob()
  await opened.store.recordArm(jobId, armed((await orderOf(jobId)).gen))
  opened.setTime('09:00:00')
  await claim(opened.store, jobId)
  const { gen } = await orderOf(jobId)
  const failure = {
    gen,
    fireAt: at('09:01:02'),
    mayBeHeld: false,
    tookMs: 5,
    outcome: 'failed',
    code: 'NAS_BUSY',
    message: '503',
    holder: 'an order',
  } as const
  assert.deepEqual(await opened.store.recordArm(jobId, failure), { isOwed: true, isWritten: true })
  const failed = await registry(jobId)
  assert.deepEqual(
    [failed.armedGen, failed.armedAt, failed.armError, failed.armFailedAt],
    [1, at('09:00:00'), 'NAS_BUSY: 503', at('09:00:00')],
  )
  await orderOf(jobId)
  await opened.store.recordArm(jobId, armed(1))
  assert.equal((await registry(jobId)).armedGen, 1)
  await orderOf(jobId)
  await opened.store.recordArm(jobId, armed(gen))
  await opened.sql`update job_runtime set arm_lease_by = 'an order', arm_lease_until = now() where job_id = ${jobId}`
  await opened.store.recordArm(jobId, armed(1))
  assert.equal((await registry(jobId)).armedGen, gen, 'an answer to an older order takes nothing back')
})

test('the instants that NAS may hold are remembered, those that it surely does not hold are not', async () => {
  const jobId = await freshJob()
  const tell = async (fireAt: Date, mayBeHeld: boolean) => {
    const { gen } = await orderOf(jobId)
    const failure = {
      gen,
      fireAt,
      mayBeHeld,
      tookMs: 5,
      outcome: 'failed',
      code: 'NAS_TIMEOUT',
      message: 'late',
      holder: 'an order',
    } as const
    await opened.store.recordArm(jobId, failure)
  }
  await tell(at('09:00:00'), true)
  await tell(at('08:59:59'), false)
  await tell(at('08:59:58'), true)
  assert.deepEqual((await orderOf(jobId)).recentArms, [at('08:59:58'), at('09:00:00')])
})

test('a claim takes the arm lease with it where that is free, and leaves it to its holder where it is not', async () => {
  const free = await freshJob()
  opened.setTime('09:00:00')
  const { written } = await claim(opened.store, free, { armLease: lease('a claim') })
  assert.equal(written.order?.gen, 2)
  assert.equal((await take(free, 'another')).state, 'busy')

  const held = await freshJob()
  await orderOf(held, 'another')
  opened.setTime('08:30:10')
  const look = await lookAt(opened.store, held)
  const rearmed = await opened.store.transition(
    look.view,
    {
      runtime: look.view.runtime,
      runs: [],
      folds: [],
      deliveries: [],
      wakeTerm: at('08:50:00'),
      starts: [],
      sends: [],
      stops: [],
    },
    { ...writing, armLease: lease('a claim') },
  )
  assert.deepEqual([rearmed?.order, rearmed?.isArmOwed], [null, true])
})

test('a claim that waits for the row while another takes the arm lease gets no order beside it', async () => {
  const jobId = await freshJob()
  opened.setTime('09:00:00')
  const look = await lookAt(opened.store, jobId)
  const decision = decide(look)
  let writes: ReturnType<typeof opened.store.transition> | undefined
  await opened.sql.begin(async (tx) => {
    const taken = await takeArms(tx, [{ jobId, lease: lease('another') }], at('09:00:00'))
    assert.equal(taken.get(jobId)?.state, 'order')
    writes = opened.store.transition(look.view, decision, { ...writing, armLease: lease('a claim') })
    await someoneWaits()
  })
  const written = await writes
  assert.ok(written, 'the claim itself is won')
  assert.equal(written.order, null)
  assert.equal((await take(jobId)).state, 'busy')
})

test('claims and arms of one job raced: never two orders at one time', async () => {
  for (let round = 0; round < 20; round++) {
    const jobId = await freshJob()
    opened.setTime('09:00:00')
    const look = await lookAt(opened.store, jobId)
    const decision = decide(look)
    const [written, ...taken] = await Promise.all([
      opened.store.transition(look.view, decision, { ...writing, armLease: lease('a claim') }),
      ...Array.from({ length: 4 }, (_, n) => take(jobId, `order ${n}`)),
    ])
    assert.ok(written)
    const orders = [written.order, ...taken.filter(({ state }) => state === 'order')].filter(Boolean)
    assert.equal(orders.length, 1)
  }
})

test('an arm that NAS does not hold after all is owed again, unless the wake time has moved on by itself', async () => {
  const jobId = await freshJob()
  await opened.store.recordArm(jobId, armed((await orderOf(jobId)).gen))
  assert.equal(await opened.store.disownArm(jobId, 1), true)
  assert.equal(await opened.store.disownArm(jobId, 1), false)
  assert.equal((await orderOf(jobId)).gen, 2)
})

test('what is owed is found page by page, each job once', async () => {
  const jobs = await race(5, freshJob)
  const found: string[] = []
  for (let last = ''; ; ) {
    const page = await opened.store.owedArms({ after: last, limit: 2 })
    if (page.length === 0) break
    found.push(...page)
    last = page.at(-1) ?? ''
  }
  assert.equal(new Set(found).size, found.length)
  for (const jobId of jobs) assert.ok(found.includes(jobId))
})

/** Resolves once a backend of this database waits for a lock. */
async function someoneWaits() {
  await until('somebody waits for a lock', async () => {
    const [row] = await opened.sql`
      select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    return row?.['n'] > 0
  })
}

test('of what the timer said about a job the newest twenty answers are kept, and a few more', async () => {
  const [jobId, quiet] = [await freshJob(), await freshJob()]
  await opened.store.recordArm(quiet, armed((await orderOf(quiet)).gen))
  const kept: number[] = []
  for (let gen = 2; gen <= 80; gen++) {
    await opened.sql`update job_runtime set wake_gen = ${gen} where job_id = ${jobId}`
    await orderOf(jobId)
    await opened.store.recordArm(jobId, armed(gen))
    // every sixteenth takes the old ones along, and its answer does not wait for that
    if (gen % 16 === 0 && gen > 20)
      await until('old ones are deleted', async () => (await armsOf(jobId)) === 20)
    const rows = await opened.sql<{ gen: number }[]>`
      select gen::int from arms where job_id = ${jobId} order by id desc`
    assert.deepEqual(
      rows.slice(0, 20).map((row) => row.gen),
      newest(gen, Math.min(gen - 1, 20)),
    )
    kept.push(rows.length)
  }
  assert.ok(Math.max(...kept) < 40, `${Math.max(...kept)} were kept`)
  const [others] = await opened.sql`select count(*)::int as n from arms where job_id = ${quiet}`
  assert.equal(others?.['n'], 1)
})

test('a timer that goes on failing leaves no more of its answers', async () => {
  const jobId = await freshJob()
  // of a generation that does not take old ones along
  await opened.sql`update job_runtime set wake_gen = 17 where job_id = ${jobId}`
  const failed = { outcome: 'failed', code: 'NAS_FAILED', message: 'answered 500' } as const
  for (let tries = 0; tries < 30; tries++) {
    await orderOf(jobId)
    const said = { gen: 17, fireAt: at('09:00:00'), mayBeHeld: false, tookMs: 5, holder: 'an order' }
    await opened.store.recordArm(jobId, { ...said, ...failed })
  }
  await until('the others are deleted', async () => (await armsOf(jobId)) === 20)
})

test('no answer waits until old ones are deleted', async () => {
  const jobId = await freshJob()
  for (let gen = 2; gen <= 31; gen++) {
    await opened.sql`update job_runtime set wake_gen = ${gen} where job_id = ${jobId}`
    await orderOf(jobId)
    await opened.store.recordArm(jobId, armed(gen))
  }
  await opened.sql`update job_runtime set wake_gen = 32 where job_id = ${jobId}`
  await orderOf(jobId)
  await opened.sql.begin(async (tx) => {
    await tx`select from arms where job_id = ${jobId} for update`
    assert.equal((await opened.store.recordArm(jobId, armed(32))).isWritten, true)
  })
  await until('they are deleted', async () => (await armsOf(jobId)) === 20)
})

async function armsOf(jobId: string): Promise<number> {
  const [row] = await opened.sql<{ n: number }[]>`select count(*)::int as n from arms where job_id = ${jobId}`
  return row?.n ?? 0
}

const newest = (gen: number, count: number) => Array.from({ length: count }, (_, n) => gen - n)

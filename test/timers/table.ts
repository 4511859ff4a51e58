import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rows, setup, type StandIn } from './kit.ts'

const day = '2026-06-18'
const slot = (time: string) => `${day}T${time}:00.000Z`

/** The test kit of a timer: whatever it does, no slot is lost and none runs twice. */
export function tryTable(start: () => Promise<StandIn>): void {
  for (const row of rows)
    test(`${row}: no slot is lost, and none runs twice`, async (t) => {
      const { standIn, job, passTo, slotsOf, callsOf, atRest } = await setup(t, start)
      await standIn.misbehave(row)
      const recurring = await job('*/5 8 * * *', { repeat: 3 })
      const once = await job(slot('08:05'))
      const daily = await job('10,20,40 8 * * *')
      await atRest()
      for (const time of ['08:05', '08:10', '08:15']) {
        if (row === 'forgetting') standIn.lose(time === '08:05' ? once : recurring)
        if (row === 'early') {
          await passTo(new Date(Date.parse(slot(time)) - 1_500).toISOString())
          assert.ok(callsOf(recurring).includes(slot(time)), 'an early fire is taken, and its run waits')
        }
        await passTo(slot(time))
        // late fires come, and those that are owed are sent again
        await passTo(slot(time).replace(':00.', ':30.'))
        await passTo(new Date(Date.parse(slot(time)) + 120_000).toISOString())
      }
      await standIn.behave()
      for (const time of ['08:20', '08:30', '08:40', '10:30']) await passTo(slot(time))

      const expected = {
        [recurring]: ['08:05', '08:10', '08:15'],
        [once]: ['08:05'],
        [daily]: ['08:10', '08:20', '08:40'],
      }
      for (const [jobId, times] of Object.entries(expected)) {
        const slots = times.map(slot)
        assert.deepEqual(sorted(callsOf(jobId)), slots, 'the target is called once for each slot')
        const told = (await slotsOf(jobId)).map((one) => `${one.slot} ${one.verdict}`)
        assert.deepEqual(
          sorted(told),
          slots.map((one) => `${one} ran`),
        )
      }
      // the one that goes on is armed for the next day, and what is over holds nothing
      const held = (await standIn.heldFor(daily)).map((at) => at.toISOString().slice(0, 16))
      assert.deepEqual(held, ['2026-06-19T08:10'])
      assert.deepEqual([await standIn.heldFor(once), await standIn.heldFor(recurring)], [[], []])
    })
}

const sorted = (texts: (string | undefined)[]) => texts.toSorted((a = '', b = '') => a.localeCompare(b))

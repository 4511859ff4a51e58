import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AppError } from '../../src/ground/errors.ts'
import { catchUpGraceMs, nextSlot, slotsIn } from '../../src/schedule/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import json from './vectors.json' with { type: 'json' }

type Vectors = {
  parse: { input: string; now: string; tz: string; expect: Expected }[]
  cron_next: { expr: string; after: string; tz: string; expect: string }[]
  interval_next: { minutes: number; after: string; tz: string; expect: string }[]
  repeated_hour: { expr: string; tz: string; window: string[]; runs_with_local_hour_1: number }[]
  catch_up_grace: { period_seconds: number; grace_seconds: number }[]
}
type Expected = {
  ok: boolean
  kind?: string
  expr?: string
  minutes?: number
  seconds?: number
  run_at?: string
  display?: string
}

const vectors: Vectors = json
const epoch = new Date(0)

/** The text is there twice; the later one stands (docs/schedules.md, "Where the vectors contradict each other"). */
const parse = vectors.parse.filter(
  (vector, index) =>
    vectors.parse.findLastIndex(({ input }) => input === vector.input) === index &&
    // the later phrases.json has the n-th weekday of the month among what is read
    vector.input !== '0 9 * * 1#2',
)

function ruleFor(expr: string, zone: string) {
  return { schedule: parseSchedule(expr, { now: epoch, zone }), zone, anchor: epoch }
}

suite('vectors: parse', () => {
  for (const { input, now, tz, expect } of parse) {
    const context = { now: new Date(now), zone: tz }
    if (!expect.ok) {
      test(`"${input}" is refused`, () => {
        assert.throws(
          () => parseSchedule(input, context),
          (error) =>
            error instanceof AppError && error.code === 'SCHEDULE_INVALID' && error.message.includes(input),
        )
      })
      continue
    }
    test(`"${input}" is read as ${expect.kind}`, () => {
      const schedule = parseSchedule(input, context)
      assert.equal(schedule.kind, expect.kind)
      if (expect.display && schedule.kind !== 'interval') assert.equal(schedule.display, expect.display)
      if (schedule.kind === 'cron' && expect.expr) assert.equal(schedule.expr, expect.expr)
      if (schedule.kind === 'interval') {
        const everyMs = (expect.seconds ?? (expect.minutes ?? 0) * 60) * 1000
        assert.equal(schedule.everyMs, everyMs)
        // one rendering of several: it has to mean the same
        const readBack = parseSchedule(schedule.display, context)
        assert.equal(readBack.kind === 'interval' && readBack.everyMs, everyMs)
      }
      if (schedule.kind === 'once' && expect.run_at) assert.equal(+schedule.runAt, Date.parse(expect.run_at))
    })
  }

  test('of all cases one is there twice, and one is read since', () => {
    assert.equal(vectors.parse.length, parse.length + 2)
  })
})

suite('vectors: instants', () => {
  for (const { expr, after, tz, expect } of vectors.cron_next) {
    test(`"${expr}" in ${tz} after ${after} is due at ${expect}`, () => {
      assert.deepEqual(nextSlot(ruleFor(expr, tz), new Date(after)), new Date(expect))
    })
  }

  for (const { minutes, after, tz, expect } of vectors.interval_next) {
    test(`every ${minutes} minutes from ${after} in ${tz} is due at ${expect}`, () => {
      const rule = { ...ruleFor(`${minutes}m`, tz), anchor: new Date(after) }
      assert.deepEqual(nextSlot(rule, new Date(after)), new Date(expect))
    })
  }

  for (const { expr, tz, window, runs_with_local_hour_1: expected } of vectors.repeated_hour) {
    test(`"${expr}" runs ${expected} times in the repeated hour`, () => {
      // The window's start itself counts.
      const span = { after: new Date(Date.parse(window[0] ?? '') - 1), until: new Date(window[1] ?? '') }
      const hours = [...slotsIn(ruleFor(expr, tz), span)].map(
        (slot) => slot.toTemporalInstant().toZonedDateTimeISO(tz).hour,
      )
      assert.equal(hours.filter((hour) => hour === 1).length, expected)
    })
  }

  for (const { period_seconds, grace_seconds } of vectors.catch_up_grace) {
    test(`a period of ${period_seconds} s may be caught up with for ${grace_seconds} s`, () => {
      assert.equal(catchUpGraceMs(period_seconds * 1000), grace_seconds * 1000)
    })
  }
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AppError } from '../../src/ground/errors.ts'
import { nextSlot, readNamedZone, type Rule } from '../../src/schedule/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import json from './phrases.json' with { type: 'json' }

type Expected = {
  kind?: string
  expr?: string
  exprs?: string[]
  every_ms?: number
  run_at?: string
  first?: string
  every?: number
  unit?: string
  timezone?: string
  display?: string
  refused?: boolean
  says?: string
}

const { phrases, zone: usual } = json
const now = new Date(json.now)

function ruleOf(input: string): Rule {
  const { text, zone } = readNamedZone(input, { named: null, usual })
  return { schedule: parseSchedule(text, { now, zone }), zone, anchor: now }
}

function firstSlots(rule: Rule, count: number, from = now): string[] {
  const slots: string[] = []
  for (let slot = nextSlot(rule, from); slot && slots.length < count; slot = nextSlot(rule, slot))
    slots.push(slot.toISOString())
  return slots
}

/** Read by Temporal, and not by the code under test. */
function stepsFrom({ first = '', every = 1, unit }: Expected, zone: string, count: number): string[] {
  const start = Temporal.Instant.from(first).toZonedDateTimeISO(zone)
  return Array.from({ length: count }, (_, index) =>
    new Date(start.add({ [`${unit}s`]: index * every }).epochMilliseconds).toISOString(),
  )
}

suite('phrases: read as people mean them', () => {
  for (const { input, expect } of phrases as { input: string; expect: Expected }[]) {
    if (expect.refused) {
      test(`"${input}" is refused, and every suggestion can be typed`, () => {
        assert.throws(
          () => ruleOf(input),
          (error: unknown) => {
            assert.ok(error instanceof AppError && error.code === 'SCHEDULE_INVALID', String(error))
            assert.ok(error.message.includes(expect.says ?? '?'), error.message)
            const { suggestions } = error.extra as { suggestions: string[] }
            assert.ok(suggestions.length > 0, error.message)
            for (const suggestion of suggestions) {
              assert.ok(error.message.includes(JSON.stringify(suggestion)), error.message)
              ruleOf(suggestion)
            }
            return true
          },
        )
      })
      continue
    }
    test(`"${input}" is ${expect.expr ?? expect.exprs?.join(' and ') ?? expect.run_at ?? `${expect.kind}`}`, () => {
      const rule = ruleOf(input)
      const { schedule, zone } = rule
      assert.equal(zone, expect.timezone ?? usual)
      if (expect.display) assert.equal(schedule.display, expect.display)
      if (expect.every_ms) assert.equal(schedule.kind === 'interval' && schedule.everyMs, expect.every_ms)
      if (expect.run_at) assert.equal(schedule.kind === 'once' && +schedule.runAt, Date.parse(expect.run_at))
      const exprs = expect.exprs ?? (expect.expr ? [expect.expr] : [])
      if (exprs.length > 0) {
        const expected = exprs.flatMap((expr) =>
          firstSlots({ ...rule, schedule: { kind: 'cron', expr, display: expr } }, 500),
        )
        const until = [...expected].toSorted()[300] ?? ''
        const wanted = [...new Set(expected)].toSorted().filter((slot) => slot <= until)
        assert.deepEqual(firstSlots(rule, wanted.length), wanted)
      }
      if (expect.first)
        assert.deepEqual(firstSlots(rule, 20, new Date(now.getTime() - 1)), stepsFrom(expect, zone, 20))
    })
  }
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { AppError } from '../../src/ground/errors.ts'
import { nextSlot, readNamedZone, type Rule } from '../../src/schedule/index.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import { assertCost, processorMs } from '../support/limits.ts'
import json from './public-phrases.json' with { type: 'json' }

type Phrase = { input: string; zone?: string; slots?: string[]; names?: string | null; tries?: string[] }

const { zone: usual } = json
const phrases = json.phrases as Phrase[]
const now = new Date(json.now)

function ruleOf(input: string): Rule {
  const { text, zone } = readNamedZone(input, { named: null, usual })
  return { schedule: parseSchedule(text, { now, zone }), zone, anchor: now }
}

/** The first slots as a clock on the wall shows them; steps of elapsed time begin after now. */
function localSlots(rule: Rule, count: number): string[] {
  const slots: string[] = []
  const from = rule.schedule.kind === 'interval' ? now : new Date(now.getTime() - 1)
  for (let slot = nextSlot(rule, from); slot && slots.length < count; slot = nextSlot(rule, slot)) {
    const local = slot.toTemporalInstant().toZonedDateTimeISO(rule.zone).toPlainDateTime()
    slots.push(local.toString({ smallestUnit: 'second' }).replace('T', ' ').replace(/:00$/, ''))
  }
  return slots
}

function refusalOf(input: string): AppError {
  try {
    ruleOf(input)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new assert.AssertionError({ message: `${JSON.stringify(input)} was read` })
}

suite('phrases of other schedulers', () => {
  test('those that say one thing are read as they say', () => {
    const read = phrases.filter(({ slots }) => slots)
    assert.ok(read.length > 400)
    for (const { input, zone = usual, slots = [] } of read) {
      const rule = ruleOf(input)
      // a text with fewer has no others
      const found = localSlots(rule, Math.min(3, slots.length + 1))
      assert.deepEqual([rule.zone, ...found], [zone, ...slots], input)
    }
  })

  test('the others are refused: the word is named, and what is proposed can be typed', () => {
    const refused = phrases.filter(({ slots }) => !slots)
    assert.ok(refused.length > 200)
    for (const { input, names, tries } of refused) {
      const { code, message, extra } = refusalOf(input)
      assert.equal(code, 'SCHEDULE_INVALID', input)
      assert.ok(message.includes(JSON.stringify(names ?? input).slice(1, -1)), `${input}: ${message}`)
      const { suggestions } = extra as { suggestions: string[] }
      assert.deepEqual(suggestions, tries, input)
      for (const suggestion of suggestions) {
        assert.ok(message.includes(JSON.stringify(suggestion)), message)
        ruleOf(suggestion)
      }
    }
  })

  test('a long text of mistyped words is refused at once: not each pair of corrections is tried', async () => {
    for (const word of ['dya ', 'even ', 'mon ', '1, ']) {
      const text = word.repeat(Math.floor(1990 / word.length))
      assertCost(await processorMs(() => refusalOf(text)), 2_000, word)
    }
  })
})

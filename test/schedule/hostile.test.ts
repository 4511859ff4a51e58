import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../../src/ground/errors.ts'
import { parseSchedule } from '../../src/schedule/parse.ts'
import { allWords } from '../../src/schedule/vocabulary.ts'
import { assertCost, processorMs } from '../support/limits.ts'

const now = new Date('2026-06-22T12:00:00Z')

/** The code of the refusal; null: it is read. */
function refusalOf(text: string): string | null {
  try {
    parseSchedule(text, { now, zone: 'America/New_York', id: '0123456789ab' })
    return null
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw new Error(`${JSON.stringify(text)} is neither read nor refused`, { cause: error })
  }
}

const repeated = (piece: string, length: number) => piece.repeat(length / piece.length)

suite('schedules that are meant to hurt', () => {
  test('a refusal costs milliseconds, however many words are mistyped', async () => {
    for (const text of [repeated('mondey ', 1_999), repeated('mondey ', 198), repeated('evry; ', 198)]) {
      const cost = await processorMs(() => assert.equal(refusalOf(text.trim()), 'SCHEDULE_INVALID'))
      assertCost(cost, 400, `${text.length} characters`)
    }
  })

  test('numbers that no date and no delay can have are refused', () => {
    for (const text of [
      'in 99999999999 months',
      'in 300000 years',
      'in 3155760000 weeks',
      'jun 0',
      '0 of june',
    ])
      assert.equal(refusalOf(text), 'SCHEDULE_INVALID', text)
  })

  test('whatever stands in a text, it is read or refused', () => {
    const numbers = [
      '0',
      '1',
      '31',
      '1.5',
      '99999999999',
      '2030-12-24',
      '9999-12-31',
      '9:30',
      '9am',
      '*',
      '*/5',
    ]
    const signs = [
      '; ',
      ';',
      ',',
      '-',
      '/',
      '+',
      ':',
      '(',
      '#',
      'L',
      'W',
      'except',
      'R/',
      'P1D',
      '@every',
      'é',
      '😀',
    ]
    const piece = fc.constantFrom(...allWords, ...numbers, ...signs, 'mondey', '* * * * *', 'FREQ=DAILY;')
    const text = fc.array(piece, { minLength: 1, maxLength: 9 })
    const apart = fc.constantFrom(' ', ', ', '; ', '')
    fc.assert(
      fc.property(text, apart, (pieces, between) => void refusalOf(pieces.join(between))),
      { numRuns: 2_000, seed: 20261128 },
    )
  })
})

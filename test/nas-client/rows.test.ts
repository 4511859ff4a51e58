import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRowReader } from '../../src/timers/nas/rows.ts'

/** What comes of `text` where it comes in pieces that end before each of `cuts`. */
function read(text: string, cuts: number[] = []) {
  const rows: unknown[] = []
  const reader = createRowReader('armed', (row) => rows.push(row))
  const bytes = Buffer.from(text)
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  let from = 0
  for (const end of ends) {
    reader.take(bytes.subarray(from, end))
    from = end
  }
  return { rows, frame: reader.end() }
}

test('whatever the rows are, and however the body is cut, they are those of JSON.parse', () => {
  const key = fc.string({ unit: 'binary' }).filter((name) => name !== 'armed')
  const around = fc.dictionary(key, fc.jsonValue(), { noNullPrototype: true, maxKeys: 3 })
  const body = fc.tuple(around, fc.array(fc.jsonValue()), around, fc.constantFrom(0, 2))
  fc.assert(
    fc.property(body, fc.array(fc.nat()), ([before, armed, after, indent], cuts) => {
      const whole = { ...before, armed, ...after }
      const { rows, frame } = read(JSON.stringify(whole, null, indent), cuts)
      const { armed: expected, ...rest } = JSON.parse(JSON.stringify(whole)) as Record<string, unknown>
      assert.deepEqual(rows, expected)
      assert.deepEqual(frame, { ...rest, armed: [] })
    }),
    { numRuns: 300 },
  )
})

for (const text of [
  '{"armed":[1',
  '{"armed":[1,}',
  '{"armed":[1}]',
  '{"armed":[{]}]}',
  '{"armed":["]}',
  '[[1]]',
  '{"armed":[1]}x',
]) {
  test(`${text} is no object`, () => assert.equal(read(text).frame, null))
}

test('an array of another name, or deeper down, is left where it is', () => {
  const text = '{"other":[1],"in":{"armed":[2]},"armed":3}'
  assert.deepEqual(read(text), { rows: [], frame: JSON.parse(text) })
})

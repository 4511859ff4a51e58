import assert from 'node:assert/strict'
import { test } from 'node:test'
import { doublesOf, keyOf, type Lost } from '../../dev/relay/doubles.ts'

const fire = (at: number, status = 202) => ({ jobId: 'j', fireAt: 't', at, status })
const nothing: Lost = { kills: [], provisions: new Set() }
const key = keyOf(fire(0))

test('a wake-up that is taken twice though no answer was lost is wrong', () => {
  const kills = [
    { fromMs: 0, toMs: 900 },
    { fromMs: 2_100, toMs: 2_200 },
  ]
  const { allowed, wrong } = doublesOf([fire(1_000), fire(2_000)], { ...nothing, kills })
  assert.deepEqual(allowed, [])
  assert.deepEqual(wrong, [`delivered twice though no answer was lost: ${key}`])
})

test('a kill between the two allows it, and so does a provision that was made again', () => {
  const kills = [{ fromMs: 900, toMs: 1_500 }]
  assert.deepEqual(doublesOf([fire(2_000), fire(1_000)], { ...nothing, kills }).allowed, [key])
  const provisions = new Set([key])
  assert.deepEqual(doublesOf([fire(1_000), fire(2_000)], { ...nothing, provisions }).allowed, [key])
})

test('each further delivery needs a kill of its own, and a refused one is none', () => {
  const kills = [{ fromMs: 1_100, toMs: 1_200 }]
  const fires = [fire(500, 503), fire(1_000), fire(2_000), fire(3_000)]
  const { allowed, wrong } = doublesOf(fires, { ...nothing, kills })
  assert.deepEqual([allowed.length, wrong.length], [1, 1])
})

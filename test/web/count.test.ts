import assert from 'node:assert/strict'
import { test } from 'node:test'
import { counted as countedInService } from '../../src/ground/words.ts'
import { counted, nounFor } from '../../web/parts/count.ts'

test('one thing is not many: the page and the service say the noun that fits its number', () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'try')),
    ['0 tries', '1 try', '2 tries'],
  )
  assert.equal(nounFor(1, 'start'), 'start')
  assert.deepEqual(
    [1, 2].map((count) => countedInService(count, 'run', ['waits', 'wait'])),
    ['1 run waits', '2 runs wait'],
  )
  assert.equal(countedInService(3, 'job'), '3 jobs')
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { readPage } from './pages.ts'

const steps = [
  ...readPage('ARCHITECTURE.md').text.matchAll(/^\| (\d+) \| .* \| `(\w+)` \| `([\w./-]+)` \|$/gm),
]

test('the walk of a fire is numbered without a gap', () => {
  assert.ok(steps.length > 10)
  assert.deepEqual(
    steps.map(([, step]) => Number(step)),
    steps.map((_step, index) => index + 1),
  )
})

for (const [, step, name, file = ''] of steps)
  test(`step ${step} of a fire: ${name} is a function of ${file}`, async () => {
    assert.match(await readFile(file, 'utf8'), new RegExp(`function ${name}\\b|^ *${name}\\(`, 'm'))
  })

test('the story of a fire calls its steps in the order of the walk', async () => {
  const story = await readFile('src/run/fire.ts', 'utf8')
  const inOrder = (name: string, calls: string[]) => {
    const from = story.indexOf(`function ${name}(`)
    assert.ok(from > 0, name)
    const body = story.slice(from, story.indexOf('\n  }\n', from))
    const places = calls.map((call) => body.indexOf(`${call}(`))
    assert.deepEqual([name, places], [name, places.filter((at) => at > 0).toSorted((one, two) => one - two)])
  }
  inOrder('claimToAnswer', ['claim', 'beginClaimed', 'await arm', 'answerOf'])
  inOrder('attemptToRelax', ['runner.attempt', 'settle.settle', 'begin', 'relax'])
  const named = steps.map(([, , name]) => name)
  for (const name of ['claimToAnswer', 'begin', 'answerOf', 'attempt', 'settleRun', 'relax'])
    assert.ok(named.includes(name), name)
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { startModel } from '../../dev/model/index.ts'

test('the program answers as it was asked, and another process can change its manner', async (t) => {
  const program = spawn(process.execPath, ['dev/model/main.ts', '--port', '0'])
  t.after(() => program.kill('SIGKILL'))
  const [line] = (await once(createInterface(program.stdout), 'line')) as [string]
  const url = /^model (\S+)/.exec(line)?.[1]
  assert.ok(url, line)
  const ask = (content: string) =>
    fetch(`${url}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'small', messages: [{ role: 'user', content }] }),
    })
  const answer = (await (await ask('Hello')).json()) as { choices: { message: { content: string } }[] }
  assert.equal(answer.choices[0]?.message.content, 'You asked: Hello')

  const body = JSON.stringify({ does: 'limit', times: 1 })
  assert.equal((await fetch(`${url}/_behave`, { method: 'POST', body })).status, 204)
  assert.deepEqual([(await ask('Hello')).status, (await ask('Hello')).status], [429, 200])

  program.kill('SIGTERM')
  assert.deepEqual(await once(program, 'exit'), [0, null])
})

test('a manner that does not exist is refused with those that do', async (t) => {
  const model = await startModel()
  t.after(() => model.close())
  const answer = await fetch(`${model.url}/_behave`, { method: 'POST', body: '{"does":"dance"}' })
  assert.equal(answer.status, 400)
  assert.match(await answer.text(), /"dance" is no behaviour; known: answer, whole, hang/)
})

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { encryptionKey, loginSetup } from './login-setup.ts'

test('of ten real processes that need a token at once, one refreshes, and the login lives', async (t) => {
  const { nas, database, firstRefreshToken } = await loginSetup(t)
  const task = [database.url, encryptionKey.toString('base64'), nas.tokenUrl, nas.clientId, firstRefreshToken]
  // Slow enough that all ten ask while the one refresh is under way.
  await nas.misbehave('slow', '300ms', { call: 'token' })
  const processes = Array.from({ length: 10 }, () => {
    const child = fork(fileURLToPath(new URL('login-process.ts', import.meta.url)), task)
    t.after(() => child.kill())
    return child
  })
  await Promise.all(processes.map((child) => once(child, 'message')))
  const answers = processes.map((child) => once(child, 'message'))
  for (const child of processes) child.send('go')
  const tokens = (await Promise.all(answers)).map(([answer]) => JSON.stringify(answer))
  assert.equal(new Set(tokens).size, 1)
  assert.match(tokens[0] ?? '', /"ok":true/)
  assert.deepEqual(
    nas.requests('token').map((call) => call.status),
    [200],
  )
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { startTarget, type TargetCall } from '../../dev/target/index.ts'

test('the program logs each call before it answers, and other processes read and change it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'target-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const log = join(folder, 'calls.jsonl')
  const program = spawn(process.execPath, ['dev/target/main.ts', '--port', '0', '--log', log])
  t.after(() => program.kill('SIGKILL'))
  const [line] = (await once(createInterface(program.stdout), 'line')) as [string]
  const url = /^target (\S+)/.exec(line)?.[1]
  assert.ok(url, line)

  const behaviour = { does: 'status', value: 418, times: 1 }
  const body = JSON.stringify({ path: '/tea', behaviour })
  assert.equal((await fetch(`${url}/_behave`, { method: 'POST', body })).status, 204)
  assert.equal((await fetch(`${url}/tea?a=1`, { method: 'POST', body: 'green' })).status, 418)
  assert.equal((await fetch(`${url}/tea`)).status, 200)

  const asked: unknown = await (await fetch(`${url}/_calls`)).json()
  const logged: unknown[] = readFileSync(log, 'utf8').trim().split('\n').map(parse)
  assert.deepEqual(asked, logged)
  assert.deepEqual(
    (logged as TargetCall[]).map((call) => [call.method, call.path, call.body]),
    [
      ['POST', '/tea?a=1', 'green'],
      ['GET', '/tea', ''],
    ],
  )
  const ofPath: unknown = await (await fetch(`${url}/_calls?path=/tea`)).json()
  assert.deepEqual(ofPath, logged)

  program.kill('SIGTERM')
  assert.deepEqual(await once(program, 'exit'), [0, null])
})

test('a behaviour that does not exist is refused with those that do', async (t) => {
  const target = await startTarget()
  t.after(() => target.close())
  const body = JSON.stringify({ path: '/', behaviour: { does: 'dance' } })
  const answer = await fetch(`${target.url}/_behave`, { method: 'POST', body })
  assert.equal(answer.status, 400)
  assert.match(await answer.text(), /"dance" is no behaviour; known: status, slow, hang/)
})

test('waiting for calls that do not come says how many did', async (t) => {
  const target = await startTarget()
  t.after(() => target.close())
  await fetch(target.url)
  await assert.rejects(target.waitFor(2, 20), /1 calls came within 20 ms instead of 2/)
  assert.equal((await target.waitFor((calls) => calls.some(({ method }) => method === 'GET'))).length, 1)
})

test('an echo says what was sent', async (t) => {
  const target = await startTarget()
  t.after(() => target.close())
  target.behave('/', { does: 'echo' })
  const said: unknown = await (await fetch(`${target.url}/?a=1`, { method: 'PUT', body: 'b' })).json()
  assert.partialDeepStrictEqual(said, { method: 'PUT', path: '/?a=1', body: 'b' })
})

function parse(line: string): unknown {
  return JSON.parse(line)
}

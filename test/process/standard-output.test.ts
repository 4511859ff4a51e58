import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { test, type TestContext } from 'node:test'

const program = `
  import Fastify from 'fastify'
  import { logOptions } from './src/ground/log.ts'
  const { log } = Fastify({ logger: logOptions('info') })
  log.info({}, 'first')
  process.stdin.once('data', () => {
    for (let line = 0; line < 100; line++) log.info({}, 'to nobody')
    process.exit(7)
  })`

function start(context: TestContext, stdout: 'pipe' | number) {
  const args = ['--input-type=module', '-e', program]
  const child = spawn(process.execPath, args, { stdio: ['pipe', stdout, 'inherit'] })
  context.after(() => child.kill('SIGKILL'))
  return child
}

test('a process whose log nobody reads any more goes on, and ends when it is told to', async (context) => {
  const child = start(context, 'pipe')
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
  assert.match(line.toString(), /first/)
  child.stdout?.destroy()
  const ended = once(child, 'exit')
  child.stdin?.write('end\n')
  assert.deepEqual(await ended, [7, null])
})

test('nor does a disk that is full end it', async (context) => {
  const child = start(context, openSync('/dev/full', 'w'))
  const ended = once(child, 'exit')
  child.stdin?.write('end\n')
  assert.deepEqual(await ended, [7, null])
})

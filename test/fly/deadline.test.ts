import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { withDeadline } from '../../src/run/deadline.ts'
import { createManualDelays } from './delays.ts'

const job = {
  id: 'ab12cd34ef56',
  project: 'default',
  name: 'a job',
  action: { type: 'http' },
  timeoutMs: null,
  prompt: null,
  skills: [],
}
const run = { id: 'r1', slot: null, attempt: 1, fence: 1, trigger: 'fire', input: null }
const maxRunMs = 60_000

/** An action that ends when it is stopped (saying why), or with `deaf` never. */
function setup({ deaf = false, drainFinishMs = 0 } = {}) {
  const delays = createManualDelays()
  const abort = new AbortController()
  const errors: string[] = []
  const actions = withDeadline({
    ...{
      delays,
      maxRunMs,
      drainFinishMs,
      log: { error: (_fields: object, message: string) => void errors.push(message) },
    },
    actions: {
      run: (_job, _run, signal) =>
        new Promise((resolve) => {
          if (deaf) return
          signal.addEventListener('abort', () => {
            const { code } = signal.reason as { code: string }
            resolve({ state: 'interrupted', error: { code, message: 'stopped' } })
          })
        }),
    },
  })
  let outcome: string | undefined
  void actions.run(job, run, abort.signal).then(({ state, error }) => {
    outcome = `${state} ${error?.code}`
  })
  const stop = (code: string) => abort.abort(Object.assign(new Error('stop'), { code }))
  return { delays, stop, errors, outcome: () => outcome }
}

test('an attempt is told to stop at MAX_RUN_MS', async () => {
  const { delays, outcome } = setup()
  await delays.pass(maxRunMs - 1)
  assert.equal(outcome(), undefined)
  await delays.pass(1)
  assert.equal(outcome(), 'interrupted DEADLINE')
})

test('an attempt that does not hear is given up ten seconds later as timed out', async () => {
  const { delays, errors, outcome } = setup({ deaf: true })
  await delays.pass(maxRunMs + 9_999)
  assert.equal(outcome(), undefined)
  await delays.pass(2)
  assert.equal(outcome(), 'timed_out DEADLINE')
  assert.equal(errors.length, 1)
})

test('an attempt that does not hear a cancel, or a drain, is given up in the same way', async () => {
  for (const [code, expected] of [
    ['CANCELLED', 'cancelled CANCELLED'],
    ['DRAINING', 'interrupted DRAINING'],
  ] as const) {
    const { delays, stop, outcome } = setup({ deaf: true })
    stop(code)
    await delays.pass(10_001)
    assert.equal(outcome(), expected)
  }
})

test('a drain leaves an attempt DRAIN_FINISH_MS to end by itself, a cancel nothing', async () => {
  const drained = setup({ drainFinishMs: 5_000 })
  drained.stop('DRAINING')
  await drained.delays.pass(4_999)
  assert.equal(drained.outcome(), undefined)
  await drained.delays.pass(1)
  assert.equal(drained.outcome(), 'interrupted DRAINING')
  const cancelled = setup({ drainFinishMs: 5_000 })
  cancelled.stop('CANCELLED')
  await cancelled.delays.pass(0)
  assert.equal(cancelled.outcome(), 'interrupted CANCELLED')
})

test('an event loop that does not turn any more ends its process, and one that is busy does not', async () => {
  const source = (busyMs: number) => `
    import { watchForStall } from '${new URL('../../src/process/stall.ts', import.meta.url).href}'
    watchForStall({ stallMs: 400, beatMs: 20 })
    setTimeout(() => {
      for (const end = Date.now() + ${busyMs}; Date.now() < end; );
      setTimeout(() => process.exit(7), 50)
    }, 200)`
  const [stalled, busy] = await Promise.all([60_000, 100].map((ms) => ended(source(ms))))
  assert.equal(stalled?.signal, 'SIGKILL')
  assert.match(stalled?.text ?? '', /the event loop has not turned for 400 ms/)
  assert.deepEqual(busy, { code: 7, signal: null, text: '' })
})

async function ended(source: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return { code, signal, text }
}

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { runCommand } from '../../src/actions/command/run.ts'
import type { ActionRun } from '../../src/actions/index.ts'
import { attemptOf, stopReason } from './attempt.ts'
import { slot, someRun } from './setup.ts'
import { until } from '../support/until.ts'

// Real programs: sh and this Node; real signals.

const { PATH = '' } = process.env
const realSetTimeout = setTimeout
const noLimits = { users: null, memoryMb: 0, processorS: 0, processes: 0, folderMb: 0 }
const settings = { env: { PATH, LANG: 'C.UTF-8' }, ...noLimits }

type Fields = Record<string, unknown>
type Changes = { run?: Partial<ActionRun>; secrets?: Record<string, string> }

function attempt(command: string, fields: Fields = {}, { run, secrets = {} }: Changes = {}) {
  const made = attemptOf({ action: { type: 'command', command, ...fields }, run: run ?? {}, secrets })
  const stop = new AbortController()
  return {
    ...made,
    stop,
    outcome: () => runCommand(made.job, made.run, stop.signal, made.context, settings),
  }
}

const shell = (script: string, fields: Fields = {}, changes: Changes = {}) =>
  attempt('sh', { args: ['-c', script], ...fields }, changes)
const node = (program: string, fields: Fields = {}) =>
  attempt(process.execPath, { args: ['-e', program], ...fields })

test('the output is what it writes to standard output; the log has both outputs', async () => {
  const { outcome, logged } = shell('echo one; echo two >&2')
  assert.deepEqual(await outcome(), { state: 'succeeded', output: 'one\n' })
  assert.deepEqual(logged().split('\n').toSorted(), ['', 'one', 'two'])
})

test('no shell reads the arguments, and templates in them are filled in', async () => {
  const nasty = '$(echo no); `id` && "{{job.name}}" *'
  const { outcome } = attempt('printf', { args: ['[%s]', nasty, '{{slot}}', ''] })
  const expected = `[$(echo no); \`id\` && "a job" *][${slot.toISOString()}][]`
  assert.equal((await outcome()).output, expected)
})

const variables = async (fields: Fields, changes: Changes = {}) => {
  const { output = '' } = await attempt('env', fields, changes).outcome()
  const lines = output.trimEnd().split('\n')
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
}

test('the environment is what is allowed, what the action gives, and which attempt this is: nothing else', async () => {
  process.env['CANARY'] = 'of this process'
  const found = await variables(
    { env: { TOKEN: 'Bearer {{secrets.KEY}}', CHRONOS_FENCE: '999' } },
    { secrets: { KEY: 'hush' } },
  )
  delete found['_']
  delete found['PWD']
  const { HOME = '' } = found
  assert.match(HOME, /chronos-run-[\w-]+$/)
  assert.deepEqual(found, {
    ...settings.env,
    ...{ HOME, TMPDIR: HOME },
    TOKEN: 'Bearer [REDACTED]',
    CHRONOS_JOB: 'ab12cd34ef56',
    CHRONOS_RUN: someRun.id,
    CHRONOS_SLOT: slot.toISOString(),
    CHRONOS_ATTEMPT: '2',
    CHRONOS_FENCE: '7',
    CHRONOS_IDEMPOTENCY_KEY: `ab12cd34ef56:${slot.toISOString()}`,
  })
  const manual = await variables({}, { run: { slot: null } })
  assert.equal('CHRONOS_SLOT' in manual, false)
  assert.equal(manual['CHRONOS_IDEMPOTENCY_KEY'], `ab12cd34ef56:${someRun.id}`)
})

test('each attempt has an empty folder of its own, which is gone afterwards', async () => {
  const folders = await Promise.all(
    [1, 2].map(
      async () => (await shell('pwd; ls -A; echo x > left; mkdir d').outcome()).output?.trim() ?? '',
    ),
  )
  assert.notEqual(folders[0], folders[1])
  for (const folder of folders) {
    assert.match(folder, /chronos-run-[\w-]+$/)
    assert.equal(existsSync(folder), false)
  }
})

test('a folder that the action names is used, and kept', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-test-'))
  t.after(() => rm(folder, { recursive: true }))
  await shell('echo kept > file', { cwd: folder }).outcome()
  assert.equal(await readFile(join(folder, 'file'), 'utf8'), 'kept\n')
  const { final, error } = await shell('true', { cwd: join(folder, 'none') }).outcome()
  assert.deepEqual([final, error?.code], [true, 'COMMAND_NOT_FOUND'])
  assert.match(error?.message ?? '', /action\.cwd: .*none is not a folder/)
})

test("standard input is the action's, else the run's input, else empty", async () => {
  const run = { input: { a: 1 } }
  assert.equal((await attempt('cat', { stdin: 'for {{job.name}}' }, { run }).outcome()).output, 'for a job')
  assert.equal((await attempt('cat', {}, { run }).outcome()).output, '{"a":1}')
  assert.equal((await attempt('cat', {}, { run: { input: 'text' } }).outcome()).output, 'text')
  assert.equal((await attempt('cat').outcome()).output, '')
})

test('a program that does not read its input is not hurt by it', async () => {
  assert.equal((await shell('exit 0', { stdin: 'x'.repeat(900_000) }).outcome()).state, 'succeeded')
})

const exits = [
  { code: 0, success: undefined, state: 'succeeded', final: undefined },
  { code: 3, success: [0, 3], state: 'succeeded', final: undefined },
  { code: 0, success: [3], state: 'failed', final: undefined },
  { code: 1, success: undefined, state: 'failed', final: undefined },
  { code: 75, success: undefined, state: 'failed', final: undefined },
  { code: 64, success: undefined, state: 'failed', final: true },
  { code: 78, success: undefined, state: 'failed', final: true },
]

for (const { code, success, state, final } of exits) {
  const expected = success ? `, expected ${success.join(' or ')},` : ''
  test(`exit code ${code}${expected} is ${state}${final ? ' for good' : ''}`, async () => {
    const outcome = await shell(`exit ${code}`, success ? { success } : {}).outcome()
    assert.deepEqual([outcome.state, outcome.final], [state, final])
    if (state === 'failed') assert.equal(outcome.error?.code, 'EXIT_CODE')
  })
}

test('the message of a failure has the code and the last line of standard error; the output is kept', async () => {
  const { error, output } = await shell(
    'echo so far; echo first >&2; echo "no space left" >&2; exit 3',
  ).outcome()
  assert.equal(error?.message, 'command sh exited with 3, expected 0: no space left')
  assert.equal(output, 'so far\n')
})

test('a signal from elsewhere is KILLED', async () => {
  const { state, error } = await shell('kill -SEGV $$').outcome()
  assert.deepEqual([state, error?.code], ['failed', 'KILLED'])
  assert.match(error?.message ?? '', /was killed by SIGSEGV, not by this service$/)
})

test('a program that is not there, or may not be executed, fails for good', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-test-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'plain'), 'no program', { mode: 0o600 })
  const missing = await attempt('no-such-program-here').outcome()
  const plain = await attempt(join(folder, 'plain')).outcome()
  const nul = await attempt('echo', { args: ['{{input}}'] }, { run: { input: 'a\0b' } }).outcome()
  assert.deepEqual(
    [missing, plain, nul].map(({ final, error }) => [final, error?.code]),
    [
      [true, 'COMMAND_NOT_FOUND'],
      [true, 'COMMAND_NOT_STARTED'],
      [true, 'ACTION_INVALID'],
    ],
  )
})

test('where commands are off none is started, and the run fails for good', async () => {
  const { job, run, context } = attempt('true')
  const outcome = await runCommand(job, run, new AbortController().signal, context, null)
  assert.deepEqual([outcome.final, outcome.error?.code], [true, 'ACTION_NOT_AVAILABLE'])
})

test('of a flood the first and the last 32 KiB are kept, and it costs no memory', async () => {
  const mebibytes = 200
  const { job, run, context } = node(
    `const piece = Buffer.alloc(1 << 20, 'x'); let left = ${mebibytes};
    process.stdout.write('first')
    const more = () => left-- > 0 ? process.stdout.write(piece, more) : process.stdout.write('last')
    more()`,
  )
  const before = process.memoryUsage().rss
  let most = 0
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 5)
  const noLog = { ...context, log: () => undefined }
  const { state, output = '' } = await runCommand(job, run, new AbortController().signal, noLog, settings)
  clearInterval(watch)
  assert.equal(state, 'succeeded')
  assert.ok(output.startsWith('firstx') && output.endsWith('xlast'))
  assert.match(output, /x\n\[… 2096\d{5} bytes left out …\]\nx/)
  assert.ok(Buffer.byteLength(output) <= 64 * 1024)
  assert.ok(most - before < 100 * 1024 * 1024, `${(most - before) / 2 ** 20} MiB more`)
})

test('output that is no text is kept as far as it is one, within its limit', async () => {
  const { output = '' } = await node(
    `process.stdout.write(Buffer.concat([Buffer.from('a\\0b'), Buffer.alloc(65_000, 0xff)]))`,
  ).outcome()
  assert.ok(output.startsWith('ab\ufffd'))
  assert.ok(Buffer.byteLength(output) <= 64 * 1024)
})

test('when it is stopped the whole group gets SIGTERM', async (t) => {
  const pids = await pidFile(t)
  const { outcome, stop, logged } = shell(
    `sleep 600 & echo $! > ${pids.path}; trap 'echo bye; exit 0' TERM; echo up; wait`,
  )
  const ended = outcome()
  await until('the program is up', () => logged().includes('up'))
  stop.abort(stopReason('CANCELLED'))
  const { state, error, output } = await ended
  assert.deepEqual([state, error?.code, output], ['cancelled', 'CANCELLED', 'up\nbye\n'])
  await pids.gone()
})

test('one that ignores SIGTERM is killed 5 s after, with its children', async (t) => {
  const pids = await pidFile(t)
  const { outcome, stop, logged } = shell(
    `trap '' TERM; sh -c 'trap "" TERM; echo $$ > ${pids.path}; echo up; while :; do sleep 600; done' & wait; while :; do sleep 600; done`,
  )
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const ended = outcome()
  await until('the program is up', () => logged().includes('up'))
  stop.abort(stopReason('LEASE_LOST'))
  t.mock.timers.tick(4_999)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(pids.alive(), true)
  t.mock.timers.tick(1)
  const { state, error } = await ticking(t, ended)
  assert.deepEqual([state, error?.code], ['interrupted', 'LEASE_LOST'])
  t.mock.timers.reset()
  await pids.gone()
})

test('at its time limit it is stopped, and says how far it had come', async () => {
  const { state, error, output } = await shell('echo begun; sleep 600', { timeout_ms: 300 }).outcome()
  assert.deepEqual([state, error?.code, output], ['timed_out', 'TIMEOUT', 'begun\n'])
})

test('what a program leaves behind is ended after it, although it ignores SIGTERM and holds the pipes', async (t) => {
  const polite = await pidFile(t)
  const stubborn = await pidFile(t)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { outcome } = shell(
    `sleep 600 & echo $! > ${polite.path}
    sh -c 'trap "" TERM; echo $$ > ${stubborn.path}; while :; do sleep 600; done' &
    while [ ! -s ${stubborn.path} ]; do :; done; echo done; exit 4`,
  )
  const ended = outcome()
  await until('the stubborn child is up', () => stubborn.isWritten())
  const { error, output } = await ticking(t, ended)
  assert.deepEqual([error?.code, output], ['EXIT_CODE', 'done\n'])
  t.mock.timers.reset()
  await polite.gone()
  await stubborn.gone()
})

test('a daemon with a session of its own does not keep the run waiting', async (t) => {
  const pids = await pidFile(t)
  const program = `const { spawn } = require('node:child_process')
    const child = spawn('sleep', ['600'], { detached: true, stdio: 'inherit' })
    require('node:fs').writeFileSync(${JSON.stringify(pids.path)}, String(child.pid))
    child.unref(); console.log('done')`
  assert.deepEqual(await node(program).outcome(), { state: 'succeeded', output: 'done\n' })
  assert.equal(pids.alive(), true)
  process.kill(pids.pid(), 'SIGKILL')
})

test('a process that exits by itself takes its programs with it', async (t) => {
  const pids = await pidFile(t)
  const child = spawn(process.execPath, ['--input-type=module', '-e', leaving(pids.path)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  await once(createInterface(child.stdout), 'line')
  assert.equal(pids.alive(), true)
  child.stdin.write('exit')
  await once(child, 'exit')
  await pids.gone()
})

const leaving = (path: string) => `
  import { runCommand } from './src/actions/command/run.ts'
  import { createRedactor } from './src/redact/index.ts'
  const hiding = () => createRedactor([]).stream()
  const job = { id: 'ab12cd34ef56', name: 'x', timeoutMs: null, prompt: null, skills: [],
    action: { type: 'command', command: 'sh', args: ['-c', 'trap "" TERM; echo $$ > ${path}; echo up; while :; do sleep 600; done'] } }
  const run = { id: 'r', slot: null, attempt: 1, fence: 1, trigger: 'manual', input: null }
  process.stdin.once('data', () => process.exit(0))
  const log = () => console.log('up')
  await runCommand(job, run, new AbortController().signal, { log, hiding }, { env: { PATH: process.env.PATH }, ...${JSON.stringify(noLimits)} })`

async function pidFile(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-test-'))
  const path = join(folder, 'pid')
  const pid = () => Number(execFileSync('cat', [path], { encoding: 'utf8' }))
  t.after(() => rm(folder, { recursive: true }))
  return {
    path,
    pid,
    isWritten: () => existsSync(path) && pid() > 0,
    alive: () => isAlive(pid()),
    gone: () => until('the program is gone', () => !isAlive(pid())),
  }
}

/** A zombie is gone: it waits for nothing but its parent. */
function isAlive(pid: number): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z')
  } catch {
    return false
  }
}

/** Lets the mocked time run until this has ended. */
async function ticking<T>(t: TestContext, ended: Promise<T>): Promise<T> {
  let isOver = false
  const over = ended.finally(() => (isOver = true))
  while (!isOver) {
    t.mock.timers.tick(50)
    await new Promise((resolve) => realSetTimeout(resolve, 2))
  }
  return over
}

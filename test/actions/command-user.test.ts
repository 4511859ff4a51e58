import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { runCommand } from '../../src/actions/command/run.ts'
import { sweepFolders } from '../../src/actions/command/folder.ts'
import type { CommandConfig } from '../../src/ground/config-commands.ts'
import { mayChangeUsers } from '../support/command-users.ts'
import { attemptOf, stopReason } from './attempt.ts'
import { until } from '../support/until.ts'

// Real programs as real other users, against this very process. Where no one may change users (a test run by an
// ordinary user) there are none: then test/actions/command-config.test.ts holds that COMMAND_UID is refused.
function asRoot(name: string, work: (t: TestContext) => Promise<void>) {
  if (mayChangeUsers) void test(name, work)
}

const { PATH = '' } = process.env
const uid = 61_100
const none = { memoryMb: 0, processorS: 0, processes: 0, folderMb: 0 }
const alone: CommandConfig = { env: { PATH }, users: { first: uid, count: 20, gid: null }, ...none }
const shared: CommandConfig = { env: { PATH }, users: { first: uid + 50, count: 1, gid: 61_999 }, ...none }
const unchanged: CommandConfig = { env: { PATH }, users: null, ...none }

function shell(script: string, settings = alone, fields: object = {}) {
  const action = { type: 'command', command: 'sh', args: ['-c', script], ...fields }
  const { job, run, context, logged } = attemptOf({ action })
  const stop = new AbortController()
  return { stop, logged, outcome: () => runCommand(job, run, stop.signal, context, settings) }
}

async function said(script: string, settings = alone): Promise<string> {
  const { outcome, logged } = shell(script, settings)
  await outcome()
  return logged().trim()
}

asRoot(
  'a program has no rights but those of its user: no group, no capability, and no way to get more',
  async () => {
    const status = await said(
      'id -u; id -G; grep -E "^(Cap(Eff|Prm|Amb)|NoNewPrivs)" /proc/self/status | tr "\\n\\t" "  "',
    )
    const zeros = '0000000000000000'
    assert.equal(status, `${uid}\n${uid}\nCapPrm: ${zeros} CapEff: ${zeros} CapAmb: ${zeros} NoNewPrivs: 1`)
    assert.equal(await said('id -u; id -G', shared), `${uid + 50}\n61999`)
  },
)

const attacks = [
  ['the environment of this process', 'cat /proc/$PPID/environ'],
  ['its memory', 'head -c 1 /proc/$PPID/mem; dd if=/proc/$PPID/mem bs=1 count=1'],
  ['the map of its memory', 'cat /proc/$PPID/maps'],
  ['its open files', 'ls /proc/$PPID/fd/; cat /proc/$PPID/fd/1'],
  ['its folder and its root', 'ls /proc/$PPID/cwd/; ls /proc/$PPID/root/'],
  ['to end it', 'kill -9 $PPID; kill -STOP $PPID'],
  // the kernel asks for the right to trace it
  ['what it is doing', 'cat /proc/$PPID/syscall'],
  ['its stack', 'cat /proc/$PPID/stack'],
] as const
for (const [what, script] of attacks)
  asRoot(`a program does not get ${what}`, async () => {
    const { outcome, logged } = shell(`${script} && echo GOT IT`)
    const { state } = await outcome()
    assert.equal(state, 'failed')
    assert.doesNotMatch(logged(), /GOT IT/)
    assert.match(logged(), /Permission denied|not permitted/)
  })

asRoot('a program has none of the files and connections that this process has open', async (t) => {
  const folder = await temporary(t)
  const handle = await open(join(folder, 'of the service'), 'w')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const links = await said('for fd in /proc/self/fd/*; do readlink $fd; done')
    assert.doesNotMatch(links, /of the service|eventpoll/)
    // both of its outputs; it has nothing to read
    assert.equal(links.match(/socket:/g)?.length, 2, links)
  } finally {
    server.close()
    await handle.close()
  }
})

asRoot(
  'two programs at the same time are two users: neither reads the folder or the environment of the other',
  async () => {
    const first = shell(
      'echo secret > mine; echo $$; pwd; while [ ! -e go ]; do sleep 0.05; done; rm go; id -u',
      alone,
      {
        env: { TOKEN: 'hush' },
      },
    )
    const firstEnd = first.outcome()
    await until('the first program is up', () => first.logged().split('\n').length > 2)
    const [pid = '', folder = ''] = first.logged().split('\n')
    const second = await said(
      `id -u; cat ${folder}/mine; cat /proc/${pid}/environ; kill -9 ${pid}; touch ${folder}/go`,
    )
    assert.match(second, new RegExp(`^${uid + 1}\n`))
    assert.doesNotMatch(second, /secret|hush/)
    assert.equal(second.match(/Permission denied|not permitted/g)?.length, 4, second)
    await writeFile(join(folder, 'go'), '')
    assert.match((await firstEnd).output ?? '', new RegExp(`\n${uid}\n$`))
  },
)

asRoot('where as many programs run as there are users, a further one is to be tried again', async () => {
  const two = { ...alone, users: { first: uid + 30, count: 2, gid: null } }
  const slow = [shell('echo up; sleep 600', two), shell('echo up; sleep 600', two)]
  const ends = slow.map(({ outcome }) => outcome())
  await until('both programs are up', () => slow.every(({ logged }) => logged().includes('up')))
  const { state, error, final } = await shell('true', two).outcome()
  assert.deepEqual([state, error?.code, final], ['failed', 'COMMAND_NOT_STARTED', undefined])
  slow.forEach(({ stop }) => stop.abort(stopReason('CANCELLED')))
  await Promise.all(ends)
  assert.equal((await shell('true', two).outcome()).state, 'succeeded')
})

asRoot('at its time limit a program of another user is ended, with its children', async () => {
  const { outcome, logged } = shell('sleep 600 & echo $!; echo $$; wait', alone, { timeout_ms: 300 })
  assert.equal((await outcome()).error?.code, 'TIMEOUT')
  for (const pid of logged().trim().split('\n')) assert.equal(isAlive(pid), false)
})

asRoot('a daemon of a program with a user of its own is ended with the run', async () => {
  const { outcome, logged } = shell('setsid sh -c "trap \'\' TERM; echo \\$\\$; exec sleep 600" & sleep 0.3')
  assert.equal((await outcome()).state, 'succeeded')
  const pid = logged().trim()
  assert.match(pid, /^\d+$/)
  assert.equal(isAlive(pid), false)
})

asRoot('a folder that the user may not enter is refused, although this process may', async (t) => {
  const closed = await temporary(t)
  const inner = join(closed, 'inner')
  await mkdir(inner, { mode: 0o755 })
  const refused = await shell('pwd', alone, { cwd: inner }).outcome()
  assert.deepEqual([refused.final, refused.error?.code], [true, 'COMMAND_NOT_FOUND'])
  assert.match(refused.error?.message ?? '', /user 61100, who runs the program, may not enter .*inner/)
  await chmod(closed, 0o755)
  assert.equal((await shell('pwd', alone, { cwd: inner }).outcome()).output, `${inner}\n`)
})

asRoot(
  'the folder goes with all that is in it, whatever rights a program has taken from itself',
  async () => {
    const folder = await said('pwd; mkdir -p a/b; touch a/b/c; chmod 000 a/b a .')
    assert.match(folder, /chronos-run-/)
    assert.equal(existsSync(folder), false)
  },
)

asRoot('a link in the folder leads nowhere as it is removed', async (t) => {
  const kept = await temporary(t)
  await writeFile(join(kept, 'file'), 'kept')
  await chmod(kept, 0o777)
  const folder = await said(`pwd; ln -s ${kept} link; ln -s ${kept}/file file`)
  assert.equal(existsSync(folder), false)
  assert.equal(await readFile(join(kept, 'file'), 'utf8'), 'kept')
})

asRoot('a program that is there, but not for this user, cannot be started', async (t) => {
  const folder = await temporary(t)
  await chmod(folder, 0o755)
  const program = join(folder, 'program')
  await writeFile(program, '#!/bin/sh\ntrue\n', { mode: 0o700 })
  const { final, error } = await shell('', alone, { command: program, args: [] }).outcome()
  assert.deepEqual([final, error?.code], [true, 'COMMAND_NOT_STARTED'])
  assert.match(error?.message ?? '', /EACCES/)
})

asRoot('a user has no more processes than it is allowed', async () => {
  const few = { ...alone, processes: 10 }
  const { outcome, logged } = shell('for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; wait', few)
  await outcome()
  assert.match(logged(), /[Cc]annot fork|Resource temporarily unavailable/)
})

test('a program that fills its folder is stopped', async () => {
  const script = 'mkdir d; while :; do head -c 4000000 /dev/zero >> d/file; sleep 0.02; done'
  const settings = { ...(mayChangeUsers ? alone : unchanged), folderMb: 8 }
  const { state, error } = await shell(script, settings).outcome()
  assert.deepEqual([state, error?.code], ['failed', 'LIMIT_REACHED'])
  assert.match(error?.message ?? '', /grew beyond 8 MiB/)
})

test('a program that computes for longer than it may is ended', async () => {
  const settings = { ...(mayChangeUsers ? alone : unchanged), processorS: 1 }
  const { state, error } = await shell('while :; do :; done', settings).outcome()
  assert.deepEqual([state, error?.code], ['failed', 'LIMIT_REACHED'])
})

test('a program gets no more memory than it may, and leaves no core', async () => {
  const settings = { ...(mayChangeUsers ? alone : unchanged), memoryMb: 64 }
  const { outcome, logged } = shell(
    'ulimit -d; ulimit -c; head -c 200000000 /dev/zero | tail -c 199000000 | wc -c',
    settings,
  )
  await outcome()
  const [data, core, bytes] = logged().split('\n')
  assert.deepEqual([data, core], ['65536', '0'])
  assert.notEqual(bytes, '199000000')
})

test('when memory runs out the kernel takes the program before this process', async () => {
  const settings = mayChangeUsers ? alone : unchanged
  assert.equal(await said('sleep 0.1; sh -c "cat /proc/self/oom_score_adj"', settings), '1000')
})

test('a program ends with this process, also when that is killed; the next one clears its folder away', async (t) => {
  const users = mayChangeUsers ? alone.users : null
  const child = spawn(process.execPath, ['--input-type=module', '-e', running({ ...unchanged, users })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const [pid = '', folder = ''] = line.split(' ')
  assert.ok(isAlive(pid) && existsSync(folder))
  child.kill('SIGKILL')
  await once(child, 'exit')
  await until('the program is gone', () => !isAlive(pid))
  assert.ok(existsSync(folder))
  const ours = shell('pwd; sleep 600')
  const end = ours.outcome()
  await until('our program is up', () => ours.logged().includes('chronos-run'))
  await sweepFolders()
  assert.equal(existsSync(folder), false)
  assert.equal(existsSync(ours.logged().trim()), true, 'one that is in use stays')
  ours.stop.abort(stopReason('CANCELLED'))
  await end
})

test('no folder of a run is left behind', async () => {
  const mine = readdirSync(tmpdir()).filter((name) => name.startsWith(`chronos-run-${process.pid}-`))
  assert.deepEqual(mine, [])
})

const running = (settings: CommandConfig) => `
  import { runCommand } from './src/actions/command/run.ts'
  import { createRedactor } from './src/redact/index.ts'
  const hiding = () => createRedactor([]).stream()
  const job = { id: 'ab12cd34ef56', name: 'x', timeoutMs: null, prompt: null, skills: [],
    action: { type: 'command', command: 'sh', args: ['-c', 'echo $$ $PWD; exec sleep 600'] } }
  const run = { id: 'r', slot: null, attempt: 1, fence: 1, trigger: 'manual', input: null }
  const log = (chunk) => process.stdout.write(chunk)
  await runCommand(job, run, new AbortController().signal, { log, hiding }, ${JSON.stringify(settings)})`

/** A zombie is not: it waits for nothing but its parent. */
function isAlive(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-test-'))
  t.after(() => rm(folder, { recursive: true }))
  assert.equal((await stat(folder)).mode & 0o777, 0o700)
  return folder
}

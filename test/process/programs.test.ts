import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { beginPrograms } from '../../src/process/programs.ts'
import { mayChangeUsers } from '../support/command-users.ts'

test('commands without a user are refused at start where this process may change users', async () => {
  const env = {
    PATH: process.env['PATH'],
    PORT: '0',
    COMMANDS: 'on',
    ...(mayChangeUsers ? {} : { COMMAND_UID: '61000' }),
  }
  const child = spawn(process.execPath, ['src/server.ts'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  assert.equal(code, 78, said)
  assert.match(said, /COMMAND_UID/)
})

function logged() {
  const lines: { code?: string; message: string }[] = []
  const keep = (fields: object, message: string) => void lines.push({ ...fields, message })
  return { lines, log: { info: keep, warn: keep, error: keep } }
}

test('programs that run as the user of this service are warned of, with what they can do', async () => {
  const { lines, log } = logged()
  await beginPrograms({ users: null, inherited: [] }, log)
  assert.deepEqual(
    lines.map(({ code }) => code),
    ['COMMANDS_WITHOUT_USER'],
  )
  assert.match(lines[0]?.message ?? '', /read its memory and its environment with all secrets.*COMMAND_UID/)
})

test('programs with users of their own are nothing to warn of', async () => {
  const { lines, log } = logged()
  await beginPrograms({ users: { first: 61_000, count: 1, gid: null }, inherited: [] }, log)
  assert.deepEqual(lines, [])
})

test('open files that programs would get are warned of, and those of this service are none of them', async () => {
  const program = `
    import { openSync } from 'node:fs'
    import { createServer } from 'node:net'
    import { execFileSync } from 'node:child_process'
    import { beginPrograms } from '${new URL('../../src/process/programs.ts', import.meta.url).href}'
    openSync('/etc/passwd')
    const server = createServer().listen(0, '127.0.0.1', async () => {
      const warn = ({ files }) => console.log(files)
      await beginPrograms({ users: { first: 61_000, count: 1, gid: null } }, { info: warn, warn, error: warn })
      console.log(execFileSync('sh', ['-c', 'ls /proc/self/fd | tr "\\n" " "']).toString())
      server.close()
    })`
  const many = Array.from({ length: 40 }, () => 'ignore' as const)
  const args = ['--input-type=module', '-e', program]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', ...many, 'pipe'] })
  const [warned = '', listed = ''] = (await text(child.stdout as NodeJS.ReadableStream)).split('\n')
  const numbers = (said: string) => (said.match(/\d+(?= \(|\s|$)/g) ?? []).map(Number)
  assert.match(warned, /\b43 \((socket|pipe):/)
  assert.doesNotMatch(warned, /passwd/)
  // `ls` itself opens the folder that it lists
  const got = numbers(listed).filter((fd) => fd > 3)
  assert.deepEqual(
    got.filter((fd) => !warned.includes(`${fd} (`)),
    [],
  )
})

test('what is deleted from the environment is still in /proc', async () => {
  const program = `delete process.env.TOKEN; console.log(require('node:fs').readFileSync('/proc/self/environ', 'utf8'))`
  const child = spawn(process.execPath, ['-e', program], {
    env: { TOKEN: 'hush' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // so that deleting is no protection, and programs need users of their own
  assert.match(await text(child.stdout), /TOKEN=hush/)
})

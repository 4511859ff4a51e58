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
  await beginPrograms({ users: null }, log)
  assert.deepEqual(
    lines.map(({ code }) => code),
    ['COMMANDS_WITHOUT_USER'],
  )
  assert.match(lines[0]?.message ?? '', /read its memory and its environment with all secrets.*COMMAND_UID/)
})

test('programs with users of their own are nothing to warn of', async () => {
  const { lines, log } = logged()
  await beginPrograms({ users: { first: 61_000, count: 1, gid: null } }, log)
  assert.deepEqual(lines, [])
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

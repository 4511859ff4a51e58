import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { needPrograms, packages } from '../support/programs.ts'

const path = process.env['PATH']
after(() => {
  process.env['PATH'] = path
})

test('the programs that tests drive are those that .ci/run installs and CONTRIBUTING names in one line', async () => {
  const ci = /<<END\n([^]*?)\nEND/.exec(await readFile('.ci/run', 'utf8'))?.[1] ?? ''
  const installed = ci.split('\n').map((line) => line.split(' '))
  assert.deepEqual(installed.slice(1), Object.entries(packages))
  const line = /^sudo apt-get install (.+)$/m.exec(await readFile('CONTRIBUTING.md', 'utf8'))?.[1] ?? ''
  assert.deepEqual(line.split(' '), [installed[0]?.[1], ...Object.values(packages)])
})

test('a test whose program is missing says which package brings it', () => {
  process.env['PATH'] = '/nowhere'
  assert.throws(() => needPrograms('dbus-run-session', 'secret-tool'), {
    message:
      'dbus-run-session, secret-tool: not on this machine. apt-get install dbus-daemon libsecret-tools',
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readConfig } from '../../src/ground/config.ts'
import { programsAtOnce } from '../../src/ground/config-commands.ts'
import type { Privileges } from '../../src/ground/privileges.ts'

const env = { PATH: '/bin', HOME: '/root', MINE: 'm', OTHER: 'o', API_KEY: 'a-key-of-this-service' }
const root: Privileges = { uid: 0, mayChangeUsers: true }
const ordinary: Privileges = { uid: 1000, mayChangeUsers: false }
const commandsOf = (given: Record<string, string>, privileges = ordinary) =>
  readConfig(given, () => privileges).commands

test('commands are off unless they are switched on', () => {
  assert.equal(commandsOf(env), null)
  assert.equal(commandsOf({ ...env, COMMANDS: 'off', COMMAND_ENV_ALLOW: 'MINE' }), null)
  assert.throws(() => commandsOf({ ...env, COMMANDS: 'yes' }), /COMMANDS must be "on" or "off", not "yes"/)
})

test('a command sees of the environment what is usual and what is named; HOME is its own unless it is named', () => {
  const on = { ...env, COMMANDS: 'on' }
  assert.deepEqual(commandsOf(on), { env: { PATH: '/bin' }, users: null })
  assert.deepEqual(commandsOf({ ...on, COMMAND_ENV_ALLOW: 'MINE, NOT_SET, HOME' }), {
    env: { PATH: '/bin', MINE: 'm', HOME: '/root' },
    users: null,
  })
  assert.throws(
    () => commandsOf({ ...on, COMMAND_ENV_ALLOW: 'A=1' }),
    /COMMAND_ENV_ALLOW: "A=1" is not a variable name/,
  )
})

const on = { COMMANDS: 'on' }

test('a process that may change users does not start with commands and without a user for them', () => {
  assert.throws(() => commandsOf(on, root), /COMMAND_UID is required with COMMANDS=on/)
  assert.equal(commandsOf({}, root), null)
  assert.doesNotThrow(() => commandsOf(on, ordinary))
})

test('a process that may not change users does not start with a user for commands', () => {
  assert.throws(
    () => commandsOf({ ...on, COMMAND_UID: '2000' }, ordinary),
    /COMMAND_UID is set, but this process may not start programs as another user. Start it as root/,
  )
})

test('COMMAND_UID is a user or a range of them, COMMAND_GID one group for all', () => {
  const users = (more: Record<string, string>) => commandsOf({ ...on, ...more }, root)?.users
  assert.deepEqual(users({ COMMAND_UID: '2000' }), { first: 2000, count: 1, gid: null })
  assert.deepEqual(users({ COMMAND_UID: '20000-20019', COMMAND_GID: '300' }), {
    ...{ first: 20_000, count: 20, gid: 300 },
  })
})

const wrong: [given: Record<string, string>, says: RegExp][] = [
  [{ COMMAND_UID: '0' }, /COMMAND_UID must be the number of a user other than root.*, not "0"/],
  [{ COMMAND_UID: '0-20' }, /COMMAND_UID .*, not "0-20"/],
  [{ COMMAND_UID: 'nobody' }, /COMMAND_UID .*, not "nobody"/],
  [{ COMMAND_UID: '20-10' }, /COMMAND_UID .*, not "20-10"/],
  [{ COMMAND_UID: '2147483648' }, /COMMAND_UID .*, not "2147483648"/],
  [{ COMMAND_UID: '2000', COMMAND_GID: '0' }, /COMMAND_GID must be a whole number from 1 .*, not "0"/],
  [{ COMMAND_GID: '5' }, /COMMAND_UID is required with COMMAND_GID/],
  [
    { COMMAND_UID: '100-104', MAX_CONCURRENT_PROGRAMS: '6' },
    /COMMAND_UID has 5 users for 6 concurrent programs/,
  ],
]
for (const [given, says] of wrong)
  test(`${JSON.stringify(given)} is refused`, () => {
    assert.throws(() => commandsOf({ ...on, ...given }, root), says)
  })

test('so many programs run at once as are named, or as there are processors and users for, and never more than runs', () => {
  const most = (given: Record<string, string>) => programsAtOnce(readConfig({ ...on, ...given }, () => root))
  const unset = most({ COMMAND_UID: '100' })
  assert.ok(unset >= 4 && unset <= 20 && (unset === 20 || unset % 4 === 0), `${unset}`)
  assert.equal(most({ COMMAND_UID: '100', MAX_CONCURRENT_PROGRAMS: '70' }), 70)
  assert.equal(most({ COMMAND_UID: '100-102' }), 3)
  assert.equal(most({ COMMAND_UID: '100', MAX_CONCURRENT_PROGRAMS: '70', MAX_CONCURRENT_RUNS: '2' }), 2)
})

test('programs do not run as the user of this process', () => {
  const privileges = { uid: 2005, mayChangeUsers: true }
  assert.throws(
    () => commandsOf({ ...on, COMMAND_UID: '2000-2030' }, privileges),
    /COMMAND_UID includes 2005, the user of this process/,
  )
})

test('no secret of the service can be named, whichever it is', () => {
  const source = readFileSync(new URL('../../src/ground/config.ts', import.meta.url), 'utf8')
  const names = [...source.matchAll(/(?<=secret\(\s*)'([A-Z_]+)'/g)].map(([, name = '']) => name)
  assert.ok(names.includes('API_KEY') && names.includes('DATABASE_URL'), names.join())
  for (const name of names)
    assert.throws(
      () => readConfig({ ...env, COMMAND_ENV_ALLOW: `MINE,${name}` }),
      (error: Error) =>
        error.message.includes(`COMMAND_ENV_ALLOW must not name ${name}, which holds a secret`),
    )
})

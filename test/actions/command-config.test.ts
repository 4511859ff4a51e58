import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readConfig } from '../../src/config.ts'

const env = { PATH: '/bin', HOME: '/root', MINE: 'm', OTHER: 'o', API_KEY: 'a-key-of-this-service' }

test('commands are off unless they are switched on', () => {
  assert.equal(readConfig(env).commands, null)
  assert.equal(readConfig({ ...env, COMMANDS: 'off', COMMAND_ENV_ALLOW: 'MINE' }).commands, null)
  assert.throws(() => readConfig({ ...env, COMMANDS: 'yes' }), /COMMANDS is "yes"; expected "on" or "off"/)
})

test('a command sees of the environment what is usual and what is named', () => {
  const on = { ...env, COMMANDS: 'on' }
  assert.deepEqual(readConfig(on).commands, { env: { PATH: '/bin', HOME: '/root' } })
  assert.deepEqual(readConfig({ ...on, COMMAND_ENV_ALLOW: 'MINE, NOT_SET' }).commands, {
    env: { PATH: '/bin', HOME: '/root', MINE: 'm' },
  })
  assert.throws(
    () => readConfig({ ...on, COMMAND_ENV_ALLOW: 'A=1' }),
    /COMMAND_ENV_ALLOW names "A=1"; expected names/,
  )
})

test('no secret of the service can be named, whichever it is', () => {
  const source = readFileSync(new URL('../../src/config.ts', import.meta.url), 'utf8')
  const names = [...source.matchAll(/(?<=secret\(\s*)'([A-Z_]+)'/g)].map(([, name = '']) => name)
  assert.ok(names.includes('API_KEY') && names.includes('DATABASE_URL'), names.join())
  for (const name of names)
    assert.throws(
      () => readConfig({ ...env, COMMAND_ENV_ALLOW: `MINE,${name}` }),
      (error: Error) =>
        error.message.includes(`COMMAND_ENV_ALLOW names ${name}; expected none that holds a secret`),
    )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createHolds } from '../../src/ground/holds.ts'
import { createLoginSaver } from '../../src/timers/nas/login-saver.ts'
import type { LoginStore, Renewed } from '../../src/timers/nas/login-store.ts'
import { until } from '../support/until.ts'

const quiet = { warn() {}, error() {} }

/** A store that is out of reach for the first `failures` tries. */
function storeAfter(failures: number): LoginStore {
  let tries = 0
  const save = async () => {
    if (tries++ < failures) throw new Error('out of reach')
    return true
  }
  return { save } as Partial<LoginStore> as LoginStore
}

test('a new refresh token holds the process until it is stored, however often storing fails', async () => {
  const holds = createHolds()
  const store = storeAfter(2)
  const saver = createLoginSaver({ store, log: quiet, hold: () => holds.take('login') })
  assert.equal(await saver.save({} as Renewed, () => {}), 'later')
  assert.equal(holds.count('login'), 1)
  await until('the token is stored', () => (saver.isUnsaved() ? null : true))
  assert.equal(holds.count(), 0)
})

test('a refresh token that is stored at once holds nothing afterwards', async () => {
  const holds = createHolds()
  const saver = createLoginSaver({ store: storeAfter(0), log: quiet, hold: () => holds.take('login') })
  assert.equal(await saver.save({} as Renewed, () => {}), 'saved')
  assert.equal(holds.count(), 0)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resolveCronScheduler } from '../../src/arming/resolve.ts'
import { type CronScheduler, withDefaults } from '../../src/arming/scheduler.ts'
import { createTestLog } from './setup.ts'

const scheduler = (name: string, isAvailable: () => boolean = () => true): CronScheduler => ({
  name,
  isAvailable,
  start: async () => {},
  stop: async () => {},
})

function resolve(provider: string, others: CronScheduler[] = []) {
  const log = createTestLog()
  const { name } = resolveCronScheduler(provider, { builtin: scheduler('builtin'), others }, log)
  return { name, warnings: log.lines.map(({ message }) => message) }
}

test('without a provider the built-in scheduler is used, and nobody is warned', () => {
  assert.deepEqual(resolve('', [scheduler('chronos')]), { name: 'builtin', warnings: [] })
  assert.deepEqual(resolve('builtin', [scheduler('chronos')]), { name: 'builtin', warnings: [] })
})

test('a provider that is available is used', () => {
  assert.deepEqual(resolve('chronos', [scheduler('other'), scheduler('chronos')]), {
    name: 'chronos',
    warnings: [],
  })
})

test('a provider that is unknown falls back to the built-in scheduler, and the warning says which are known', () => {
  const { name, warnings } = resolve('chronso', [scheduler('chronos')])
  assert.equal(name, 'builtin')
  assert.deepEqual(warnings, [
    'CRON_PROVIDER "chronso" is not one of builtin, chronos. Using the built-in scheduler.',
  ])
})

test('a provider that is not available falls back to the built-in scheduler with a warning', () => {
  const { name, warnings } = resolve('chronos', [scheduler('chronos', () => false)])
  assert.equal(name, 'builtin')
  assert.match(warnings[0] ?? '', /"chronos" is not available: its configuration is incomplete/)
})

test('the warning names what a provider lacks', () => {
  const lacking = Object.assign(
    scheduler('chronos', () => false),
    { missing: () => ['NAS_PORTAL_URL', 'CALLBACK_URL'] },
  )
  assert.deepEqual(resolve('chronos', [lacking]).warnings, [
    'CRON_PROVIDER "chronos" is not available: its configuration is incomplete. Set NAS_PORTAL_URL, CALLBACK_URL. Using the built-in scheduler.',
  ])
})

test('a provider whose availability throws counts as not available: cron never loses its trigger', () => {
  const broken = scheduler('chronos', () => {
    throw new Error('no')
  })
  assert.equal(resolve('chronos', [broken]).name, 'builtin')
})

const nothingReconciled = { attended: 0, armed: 0, cancelled: 0, owed: 0, foreign: 0, complete: true }

test('a scheduler without the optional hooks is whole with the defaults', async () => {
  const whole = withDefaults(scheduler('plain'))
  assert.equal(await whole.onJobsChanged([{ jobId: 'a' }], 10), 'armed')
  assert.deepEqual(await whole.reconcile(), nothingReconciled)
  await whole.fireDue('a')
})

test('the hooks that a scheduler has are used, not the defaults', async () => {
  const fired: string[] = []
  const whole = withDefaults({
    ...scheduler('own'),
    onJobsChanged: async () => 'owed',
    fireDue: async (jobId) => void fired.push(jobId),
    reconcile: async () => ({ ...nothingReconciled, armed: 3 }),
  })
  await whole.fireDue('a')
  assert.deepEqual(
    [await whole.onJobsChanged([], 1), (await whole.reconcile()).armed, fired],
    ['owed', 3, ['a']],
  )
})

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

test('pictures of a page are made light, dark and as on a phone', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-pictures-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  await run(process.execPath, ['dev/run.mjs', 'dev/pictures/main.ts', '--folder', folder, '--only', 'now'])
  assert.deepEqual((await readdir(folder)).toSorted(), ['now-dark.png', 'now-light.png', 'now-phone.png'])
  const [dark, light, phone] = await Promise.all(
    ['dark', 'light', 'phone'].map((form) => readFile(join(folder, `now-${form}.png`))),
  )
  assert.ok(dark && light && phone && !dark.equals(light))
  // the width of a PNG stands at byte 16
  assert.equal(light.readUInt32BE(16), 1200)
  assert.ok(phone.readUInt32BE(16) < 1200)
})

test('the projects have a picture, with what is used of their quotas and the one that is paused', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-pictures-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  await run(process.execPath, [
    'dev/run.mjs',
    'dev/pictures/main.ts',
    '--folder',
    folder,
    '--only',
    'projects',
  ])
  assert.deepEqual(await readdir(folder), ['projects-light.png'])
  const committed = await readdir(fileURLToPath(new URL('../../docs/pictures/', import.meta.url)))
  assert.ok(committed.includes('projects-light.png'))
})

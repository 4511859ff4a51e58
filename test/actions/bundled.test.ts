import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { bundle, eagerPackages } from '../../dev/build/bundle.ts'

const entry = 'test/actions/fixture/bundled.ts'

test('a bundle has the handlers in it, alone in a folder, and evaluates none before it is asked for', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'chronos-handlers-'))
  t.after(() => rm(folder, { recursive: true }))
  const metafile = await bundle([entry], folder)
  assert.deepEqual(eagerPackages(metafile, entry), [], 'typebox comes with the first handler')
  const { stdout } = await promisify(execFile)(process.execPath, ['bundled.js'], { cwd: folder })
  assert.deepEqual(JSON.parse(stdout), {
    names: ['check-page', 'hello'],
    unknown: null,
    said: 'Hello, world. This is attempt 1 of a.',
  })
})

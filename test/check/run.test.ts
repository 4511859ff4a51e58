import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'

const counter = `let count = 0
process.on('SIGINT', () => {
  count += 1
  console.log('caught')
  setTimeout(() => {
    console.log('counted ' + count)
    process.exit(7)
  }, 500)
})
setInterval(() => {}, 1000)
console.log('ready')
`
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chronos-run-'))
  await writeFile(join(folder, 'counter.ts'), counter)
  await writeFile(
    join(folder, 'version.ts'),
    `const major: string = process.versions.node\nconsole.log(major)\n`,
  )
})
after(() => rm(folder, { recursive: true }))

test('Ctrl-C, which npm sends on a second time, reaches the program once, and its exit code is kept', async () => {
  const child = spawn(process.execPath, ['dev/run.mjs', join(folder, 'counter.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const lines = createInterface(child.stdout)
  assert.deepEqual(await once(lines, 'line'), ['ready'])
  child.kill('SIGINT')
  assert.deepEqual(await once(lines, 'line'), ['caught'])
  child.kill('SIGINT')
  assert.deepEqual(await once(lines, 'line'), ['counted 1'])
  assert.deepEqual(await ended, [7, null])
})

test('the program runs on the Node that the project brings', async () => {
  const child = spawn(process.execPath, ['dev/run.mjs', join(folder, 'version.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = String(await once(createInterface(child.stdout), 'line'))
  assert.match(line, /^26\./)
})

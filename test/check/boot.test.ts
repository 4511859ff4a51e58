import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { EOL, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

/** What the image starts, beside a program that says what it was given. */
const program = `
  function add(a, b) { return a + b }
  console.log(JSON.stringify([add(1, 2), require('node:os').EOL, __filename]))
`
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chronos-boot-'))
  await copyFile('dev/image/boot.cjs', join(folder, 'boot.js'))
  await mkdir(join(folder, 'cache'))
  await writeFile(join(folder, 'server.js'), program)
})
after(() => rm(folder, { recursive: true }))

test('the code cache is taken by the same Node with the same flags, and the program runs as if by itself', () => {
  assert.deepEqual(boot('--bake'), { said: [3, EOL, join(folder, 'server.js')], complaint: '' })
  assert.deepEqual(boot(), { said: [3, EOL, join(folder, 'server.js')], complaint: '' })
})

test('where it was made with other flags, it is rejected with a word about it, and the program runs', () => {
  const { said, complaint } = boot('--no-flush-bytecode')
  assert.match(complaint, /\.cache was rejected: made by another Node, or with other flags/)
  assert.equal(said[0], 3)
})

test('a cache that is cut short is rejected, and the program runs', async () => {
  const [name = ''] = await readdir(join(folder, 'cache'))
  const cache = join(folder, 'cache', name)
  const whole = await readFile(cache)
  await writeFile(cache, whole.subarray(0, whole.length / 2))
  const { said, complaint } = boot()
  await writeFile(cache, whole)
  assert.match(complaint, /\.cache was rejected/)
  assert.equal(said[0], 3)
})

test('another program of the same length, which V8 cannot tell from the first, is not run from its cache', async () => {
  await writeFile(join(folder, 'server.js'), program.replace('a + b', 'a - b'))
  const { said, complaint } = boot()
  assert.match(complaint, /\.cache cannot be read/)
  assert.equal(said[0], -1)
})

function boot(flag = '') {
  const args = [...(flag.startsWith('--no-') ? [flag] : []), join(folder, 'boot.js')]
  if (flag === '--bake') args.push(flag)
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return { said: JSON.parse(stdout) as unknown[], complaint: stderr }
}

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { findTestFiles } from '../../dev/test/find.ts'
import { longestFirst, longFiles } from '../../dev/test/longest.ts'

/** The runner in a small project of its own, whose test files are these; `ran` holds what it said of them. */
const files = {
  'good.test.ts': `import { test } from 'node:test'\ntest('good', () => {})\n`,
  'empty.test.ts': 'export {}\n',
  'crash.test.ts': `throw new Error('at import')\n`,
  'skip.test.ts': `import { test } from 'node:test'\ntest.skip('left out', () => {})\ntest('not left out', () => {})\n`,
  'leak.test.ts': `import { test } from 'node:test'\ntest('leaks', () => {\n  setInterval(() => {}, 1000)\n})\n`,
}
let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chronos-runner-'))
  for (const part of ['dev', 'db', 'src', 'relay', 'test/support'])
    await cp(part, join(folder, part), { recursive: true })
  await cp('package.json', join(folder, 'package.json'))
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  await mkdir(join(folder, 'test'), { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, 'test', name), text)
})
after(() => rm(folder, { recursive: true }))

/** The exit code of `npm test -- …args`, and all that it printed. */
async function npmTest(...args: string[]): Promise<{ code: number; text: string }> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return new Promise((done) => {
    const options = { cwd: folder, env: { ...env, CHRONOS_TEST_PATIENCE_MS: '1000' } }
    const child = execFile(
      process.execPath,
      ['dev/test/main.ts', ...args],
      options,
      (_error, stdout, stderr) => done({ code: child.exitCode ?? -1, text: `${stdout}\n${stderr}` }),
    )
  })
}

test('one good file is a good run, closed by the lines of node', async () => {
  const { code, text } = await npmTest('good')
  assert.match(text, /test files: 1 found, 1 ran\nℹ tests 1\n/)
  assert.match(text, /ℹ pass 1\nℹ fail 0\n/)
  assert.match(text, /the slowest files:\n +\d+\.\d s {2}test\/good\.test\.ts\n/)
  assert.equal(code, 0)
})

test('files without tests, crashes, skips and leaked delays each fail the run and are named', async () => {
  const { code, text } = await npmTest()
  assert.equal(code, 1)
  assert.match(text, /5 test files found/)
  assert.match(text, /test files: 5 found, 2 ran/)
  assert.match(text, /✖ test\/empty\.test\.ts ran no test/)
  assert.match(text, /✖ test\/crash\.test\.ts ran no test/)
  assert.match(text, /✖ test\/leak\.test\.ts ran no test, or did not end/)
  assert.match(text, /keeps the process alive: .*Timeout/)
  assert.match(text, /✖ 1 skipped/)
})

test('what takes long is started first, and is there', async () => {
  const all = await findTestFiles([])
  const ordered = longestFirst(all)
  assert.deepEqual(ordered.toSorted(), all)
  assert.deepEqual(
    ordered.slice(0, longFiles.length).map((file) => relative('.', file)),
    longFiles,
  )
})

test('a filter that fits no file is refused', async () => {
  const { code, text } = await npmTest('tset/nas')
  assert.match(text, /'tset\/nas' is in the path of no test file/)
  assert.equal(code, 1)
})

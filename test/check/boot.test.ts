import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
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

test('a cache that is cut short is not used, and the program runs', async () => {
  const [name = ''] = await readdir(join(folder, 'cache'))
  const cache = join(folder, 'cache', name)
  const whole = await readFile(cache)
  await writeFile(cache, whole.subarray(0, whole.length / 2))
  const { said, complaint } = boot()
  await writeFile(cache, whole)
  assert.match(complaint, /\.cache cannot be used: made of another file/)
  assert.equal(said[0], 3)
})

test('another program of the same length, which V8 cannot tell from the first, is not run from its cache', async () => {
  await writeFile(join(folder, 'server.js'), program.replace('a + b', 'a - b'))
  const { said, complaint } = boot()
  assert.match(complaint, /\.cache cannot be used: made of another file/)
  assert.equal(said[0], -1)
})

test('what was read of the file is let go once the program runs, though the last part can still be asked for', async (t) => {
  const own = await mkdtemp(join(tmpdir(), 'chronos-held-'))
  t.after(() => rm(own, { recursive: true }))
  await copyFile('dev/image/boot.cjs', join(own, 'boot.js'))
  const megabytes = 4
  const tells = `
    // ${'x'.repeat(megabytes * 2 ** 20)}
    // what is collected is given back by another thread, a little later
    let tries = 0
    const timer = setInterval(() => {
      gc()
      const { arrayBuffers } = process.memoryUsage()
      if (arrayBuffers >= 2 ** 20 && ++tries < 100) return
      clearInterval(timer)
      console.log(arrayBuffers)
    }, 20)
    //last part
//9`
  await writeFile(join(own, 'server.js'), tells)
  const { stdout } = spawnSync(process.execPath, ['--expose-gc', join(own, 'boot.js')], { encoding: 'utf8' })
  assert.ok(Number(stdout) < 2 ** 20, `${stdout} bytes are held`)
})

test('the last part of the file is compiled from its own code cache when it is asked for, whatever lies there by then', async (t) => {
  const own = await mkdtemp(join(tmpdir(), 'chronos-later-'))
  t.after(() => rm(own, { recursive: true }))
  await copyFile('dev/image/boot.cjs', join(own, 'boot.js'))
  await mkdir(join(own, 'cache'))
  const code = '(function (exports, require, module) {\nmodule.exports = `two\n//lines`})'
  const lines = `//${code.replaceAll('\n', '\n//')}`
  const asks = `
    const { renameSync, writeFileSync } = require('node:fs')
    const loaded = { exports: {} }
    const isBaking = process.argv.includes('--bake')
    if (!isBaking) {
      writeFileSync(__dirname + '/next.js', 'another program')
      renameSync(__dirname + '/next.js', __filename)
    }
    const { read, compile } = globalThis[Symbol.for('chronos.later')]
    compile(read()).call(loaded.exports, loaded.exports, require, loaded)
    console.log(JSON.stringify(loaded.exports))`
  await writeFile(join(own, 'server.js'), `${asks}\n${lines}\n//${lines.length}`)
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(own, 'boot.js'), ...args], { encoding: 'utf8' })
  run('--bake')
  const caches = await readdir(join(own, 'cache'))
  assert.deepEqual(caches.toSorted(), ['later.cache', 'server.cache'])
  const { stdout, stderr } = run()
  assert.deepEqual([JSON.parse(stdout), stderr], ['two\n//lines', ''])
})

test('a connection to Postgres is begun before the program is read, and left to it', async (t) => {
  let accepted = 0
  const server = createServer((socket) => {
    accepted += 1
    socket.on('error', () => undefined).resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const own = await mkdtemp(join(tmpdir(), 'chronos-opened-'))
  t.after(() => rm(own, { recursive: true }))
  await copyFile('dev/image/boot.cjs', join(own, 'boot.js'))
  await copyFile('db/login/opened.ts', join(own, 'opened.ts'))
  // the program itself connects to nothing
  const asks = `
    const { takeOpened } = require('./opened.ts')
    const isBegun = Symbol.for('chronos.opened') in globalThis
    const socket = takeOpened('127.0.0.1', ${port})
    const done = (said) => { console.log(JSON.stringify([isBegun, said, takeOpened('127.0.0.1', ${port})])); process.exit() }
    if (!socket) done(null)
    else if (!socket.connecting) done('connected')
    else socket.once('connect', () => done('connected'))`
  await writeFile(join(own, 'server.js'), asks)
  const bootWith = async (url: string | null, ...args: string[]) => {
    const child = spawn(process.execPath, [join(own, 'boot.js'), ...args], {
      env: { ...(url !== null && { DATABASE_URL: url }) },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const text = await child.stdout.toArray()
    return JSON.parse(text.join('')) as unknown[]
  }
  for (const [n, url] of [
    `postgres://127.0.0.1:${port}/db`,
    `postgresql://user:p%40ss@127.0.0.1:${port}/db?sslmode=require&login=ahead`,
    `postgres://user:p@ss@127.0.0.1:${port}`,
  ].entries()) {
    assert.deepEqual(await bootWith(url), [true, 'connected', null], url)
    assert.equal(accepted, n + 1)
  }
  const soFar = accepted
  for (const url of [
    null,
    'nonsense',
    `postgres://127.0.0.1:${port},127.0.0.1:1/db`,
    `postgres://127.0.0.1:${port}/db?sslmode=require&hostaddr=127.0.0.1`,
    `postgres://127.0.0.1:${port}/db?host=127.0.0.1`,
    `postgres://127.0.0.1:99999/db`,
  ])
    assert.deepEqual(await bootWith(url), [false, null, null], String(url))
  // one for another address is not taken
  assert.deepEqual(await bootWith(`postgres://localhost:${port}/db`), [true, null, null])
  await mkdir(join(own, 'cache'))
  assert.deepEqual(await bootWith(`postgres://127.0.0.1:${port}/db`, '--bake'), [false, null, null])
  assert.ok(accepted <= soFar + 1)
})

function boot(flag = '') {
  const args = [...(flag.startsWith('--no-') ? [flag] : []), join(folder, 'boot.js')]
  if (flag === '--bake') args.push(flag)
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return { said: JSON.parse(stdout) as unknown[], complaint: stderr }
}

test('the server hears of it while the program is still being read', async (t) => {
  const own = await mkdtemp(join(tmpdir(), 'chronos-dialled-'))
  t.after(() => rm(own, { recursive: true }))
  const heard = join(own, 'heard')
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume()
    writeFileSync(heard, '')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  await copyFile('dev/image/boot.cjs', join(own, 'boot.js'))
  // its event loop does not turn meanwhile
  const reads = `
    const { existsSync } = require('node:fs')
    const endsAt = Date.now() + 20_000
    while (!existsSync(${JSON.stringify(heard)}) && Date.now() < endsAt);
    console.log(existsSync(${JSON.stringify(heard)}))
    process.exit()`
  await writeFile(join(own, 'server.js'), reads)
  const { port } = server.address() as AddressInfo
  const child = spawn(process.execPath, [join(own, 'boot.js')], {
    env: { DATABASE_URL: `postgres://127.0.0.1:${port}/db` },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  assert.equal((await child.stdout.toArray()).join('').trim(), 'true')
})

// What the image starts: server.js beside this file, with what V8 has already compiled of it (bytecode: the kind of
// processor does not matter).
//
// Node's own compile cache holds a file as it was when it was first read, without the functions that are compiled when
// they are first called; that is most of a start. What is kept here is taken at the end of a whole run (`--bake`).
// A cache that does not fit (another Node, other flags, another file) costs time and nothing else.
//
// First of all a connection to Postgres is begun: it stands by the time that the file is read (db/login/opened.ts takes it).
const isBaking = process.argv.includes('--bake')
openToPostgres(process.env.DATABASE_URL ?? '')
// Node dials in the next tick, so the file is read in the one after it
process.nextTick(start)

function start() {
  const { hash } = require('node:crypto')
  const { readFileSync, writeFileSync } = require('node:fs')
  const { join } = require('node:path')
  const { Script } = require('node:vm')

  const file = join(__dirname, 'server.js')
  const bytes = readFileSync(file)
  // V8 itself compares no more of the file than its length: code of another one would be run in its place.
  const cache = join(__dirname, 'cache', `server-${hash('sha256', bytes)}.cache`)
  // The build leaves nothing but ASCII in the file (V8 keeps it at one byte a letter), and no `import()`.
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${bytes.latin1Slice()}\n})`,
    {
      filename: file,
      cachedData: isBaking ? undefined : readCache(cache, file),
    },
  )
  if (script.cachedDataRejected) say(`${cache} was rejected: made by another Node, or with other flags`)
  if (isBaking) process.on('exit', () => writeFileSync(cache, script.createCachedData()))
  script.runInThisContext().call(exports, exports, require, module, file, __dirname)
}

// From now on the heap may grow by 2 MB between two collections, no more by 8: 6 MB less after a thousand fires, and no
// more processor time. Not an option of the command line: the code that Node itself has compiled beforehand is not
// valid with it, which costs a boot 20 ms. What a first fire needs is loaded by then. Nor while the cache is made, which may
// take longer than that: it would be one for other flags, and rejected at each start.
if (!isBaking) setTimeout(() => require('node:v8').setFlagsFromString('--optimize-for-size'), 1_000).unref()

/** Only where one host stands in the URL, and nothing in it says anything else: server.js reads URLs, and finds what is wrong. */
function openToPostgres(url) {
  const [, host, port = '5432'] =
    /^postgres(?:ql)?:\/\/(?:[^/?]*@)?([\w.-]+)(?::(\d{1,5}))?(?:\/[^?]*)?(?:\?(?!(?:.*&)?(?:host|hostaddr|port)=).*)?$/.exec(
      url,
    ) ?? []
  if (!host || Number(port) > 65_535 || isBaking) return
  const socket = require('node:net').connect({ host, port: Number(port), noDelay: true })
  // whoever takes it is told; until then it must not end the process
  socket.on('error', () => {})
  globalThis[Symbol.for('chronos.opened')] = { host, port: Number(port), socket }
}

function readCache(cache, file) {
  try {
    return require('node:fs').readFileSync(cache)
  } catch {
    return say(`${cache} cannot be read: not made of this ${file}`)
  }
}

function say(text) {
  process.stderr.write(`${text}; starting without it\n`)
}

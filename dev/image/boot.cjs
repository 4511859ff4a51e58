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
  const { fstatSync, openSync, readSync } = require('node:fs')
  const { join } = require('node:path')

  const file = join(__dirname, 'server.js')
  const opened = openSync(file)
  const { size } = fstatSync(opened)
  const read = (from, to) => {
    const bytes = Buffer.allocUnsafeSlow(to - from)
    readSync(opened, bytes, 0, bytes.length, from)
    return bytes
  }
  // The last bytes, as comments, are what no fire needs: loaded when it is asked for (dev/build/later.ts), from this file
  // even if another one lies there by then.
  const [trailer = '', length = 0] =
    /\n\/\/(\d+)$/.exec(read(Math.max(0, size - 16), size).latin1Slice()) ?? []
  const end = size - trailer.length
  const readLater = () => read(end - length, end)
  const compileLater = (bytes) => compile('later', `${file}:later`, bytes, uncommented)
  globalThis[Symbol.for('chronos.later')] = {
    read: readLater,
    compile: (bytes) => compileLater(bytes).runInThisContext(),
  }
  // no function here may name what is read: it would be kept in memory as long as the last part can be asked for
  const run = (script) => script.runInThisContext().call(exports, exports, require, module, file, __dirname)
  if (isBaking) run(baked(read(0, end - length), file, length > 0 && { readLater, compileLater }))
  else run(compile('server', file, read(0, end - length), wrapped))
}

/** Keeps both caches at the exit. */
function baked(bytes, file, later) {
  const script = compile('server', file, bytes, wrapped)
  process.on('exit', () => {
    keep('server', script, bytes)
    if (!later) return
    const laterBytes = later.readLater()
    keep('later', later.compileLater(laterBytes), laterBytes)
  })
  return script
}

const wrapped = (text) => `(function (exports, require, module, __filename, __dirname) {${text}\n})`
const uncommented = (text) => text.slice(2).replaceAll('\n//', '\n')

const cacheOf = (name) => require('node:path').join(__dirname, 'cache', `${name}.cache`)

function compile(name, filename, bytes, sourceOf) {
  const { Script } = require('node:vm')
  const cache = cacheOf(name)
  // The build leaves nothing but ASCII in the file (V8 keeps it at one byte a letter), and no `import()`.
  const source = sourceOf(bytes.latin1Slice())
  const cachedData = isBaking ? undefined : readCache(cache, bytes)
  const script = new Script(source, { filename, cachedData })
  if (script.cachedDataRejected) say(`${cache} was rejected: made by another Node, or with other flags`)
  return script
}

function keep(name, script, bytes) {
  require('node:fs').writeFileSync(cacheOf(name), Buffer.concat([script.createCachedData(), bytes]))
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

/**
 * Compiled code, with what it was compiled from behind it: V8 itself compares no more of that than its length, and code of
 * another file would be run in its place. A hash would have `node:crypto` loaded before the port is open.
 */
function readCache(cache, bytes) {
  try {
    const kept = require('node:fs').readFileSync(cache)
    const length = kept.length - bytes.length
    if (length > 0 && kept.subarray(length).equals(bytes)) return kept.subarray(0, length)
    return say(`${cache} cannot be used: made of another file`)
  } catch (error) {
    return say(`${cache} cannot be used: ${error.code}`)
  }
}

function say(text) {
  process.stderr.write(`${text}; starting without it\n`)
}

// `node dev/run.mjs <program.ts> [args]`: what `npm start` and `npm test` go through, so that a fresh clone needs
// git, npm and any Node from 20 on. Installs what is missing, then runs the program with the Node that
// package.json names. Plain JavaScript without dependencies: an old Node has to be able to read it.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const bin = join(root, 'node_modules', '.bin')
const ownNode = join(bin, 'node')
// npm's copy of a signal comes within milliseconds; nobody presses Ctrl-C twice this fast.
const echoMs = 300

if (!isInstalled()) await once(install)
run(process.argv.slice(2))

/**
 * Whether node_modules is what package-lock.json asks for. npm writes its own hidden lockfile as the last step
 * of an install, so an install that was cut short, or is older than the lockfile, is seen as missing.
 */
function isInstalled() {
  try {
    const wanted = packagesOf(join(root, 'package-lock.json'))
    const present = packagesOf(join(root, 'node_modules', '.package-lock.json'))
    return (
      existsSync(ownNode) &&
      Object.entries(wanted).every(([path, { version, optional }]) => {
        return path === '' || optional || present[path]?.version === version
      })
    )
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return false
    throw error
  }
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages
}

/**
 * `npm ci` would be the usual choice. It refuses a lockfile that lacks the optional packages of other platforms,
 * and a registry that mirrors one platform only leads to such a lockfile; `npm install` takes it, keeps to its
 * versions and checksums, and isInstalled() then holds the outcome against it.
 */
function install() {
  const strange = unlistedScripts()
  if (strange.length > 0)
    stop(
      `package-lock.json has packages that run programs of their own when they are installed, and are not in dev/check/install-scripts.json: ${strange.join(', ')}. Nothing was installed. Look at what they run, then list them there.`,
    )
  process.stderr.write('Installing packages (only now, and when package-lock.json has changed)…\n')
  const args = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund', '--prefer-offline']
  // npm must not run on the Node inside the folder that it may be about to replace.
  const path = process.env.PATH.split(delimiter).filter((folder) => folder !== bin)
  const env = { ...process.env, PATH: path.join(delimiter), npm_config_loglevel: 'error' }
  const npm = spawnSync('npm', args, { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (npm.status === 0 && isInstalled()) return
  const said = `${npm.stdout ?? ''}${npm.stderr ?? npm.error?.message ?? ''}`.trim().split('\n').slice(-8)
  stop(
    `The packages could not be installed (is the npm registry within reach?). npm said:\n  ${said.join('\n  ')}`,
  )
}

/** Packages that would run a program of theirs as they are installed, and that nobody has looked at. Asked before npm. */
function unlistedScripts() {
  const listed = Object.keys(JSON.parse(readFileSync(join(root, 'dev/check/install-scripts.json'), 'utf8')))
  const isListed = (name) =>
    listed.some((one) => (one.endsWith('/*') ? name.startsWith(one.slice(0, -1)) : name === one))
  return Object.entries(packagesOf(join(root, 'package-lock.json')))
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    .filter((name) => !isListed(name))
}

/** Two terminals may start at the same moment in a fresh clone: one installs, the other waits for it. */
async function once(work) {
  const lock = join(root, '.chronos', 'install.pid')
  mkdirSync(dirname(lock), { recursive: true })
  while (!take(lock)) {
    if (!isAlive(Number(readFileSync(lock, 'utf8')))) rmSync(lock, { force: true })
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  try {
    if (!isInstalled()) work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function take(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function isAlive(pid) {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * The child gets its own process group. A terminal sends Ctrl-C to the whole foreground group, and npm then sends
 * it on a second time; so every signal goes through here, and one that repeats at once is one press of the keys.
 */
function run([program, ...args]) {
  if (!program) stop('Which program? node dev/run.mjs <program.ts> [args]')
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const child = spawn(ownNode, [program, ...args], { cwd: root, env, stdio: 'inherit', detached: true })
  const lastSentMs = new Map()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const isEcho = Date.now() - (lastSentMs.get(signal) ?? 0) < echoMs
      lastSentMs.set(signal, Date.now())
      if (!isEcho) child.kill(signal)
    })
  }
  // npm killed without a word leaves us behind: then there is nobody whom the child could serve
  const parent = process.ppid
  setInterval(() => process.ppid === parent || child.kill('SIGTERM'), 1_000).unref()
  child.on('error', (error) => stop(`${ownNode} cannot be started: ${error.message}`))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}

function stop(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

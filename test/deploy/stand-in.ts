// Stands in for a program that a page of docs/ tells people to use: it checks its arguments, keeps what it was told in
// a folder, and prints what the real one prints. Called as `node stand-in.ts NAME ARGS…`; what the real one would refuse
// ends with status 2.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Told } from './sandbox.ts'

/** What it prints, and its exit status. */
type Result = { text: string; status?: number }

const [name = '', ...args] = process.argv.slice(2)
const {
  STAND_IN = '',
  PROJECT = '',
  RELEASE = '',
  FAKE_ROOT = '',
  PLACES = '{}',
  IN_CONTAINER = '{}',
  API_KEY,
} = process.env
const stateFile = join(STAND_IN, 'state.json')
const state = readState()
const asRead = readState()
const input = () => readFileSync(0, 'utf8').trim()
const done: Result = { text: '' }

class Refused extends Error {}

function refuse(why: string): never {
  throw new Refused(`${name}: ${why}: ${args.join(' ')}`)
}

function matched(form: RegExp, text: string, why: string): string[] {
  return form.exec(text)?.slice(1) ?? refuse(why)
}

/** The arguments without the options that are named, and those options with their values. */
function read({ flags = [], values = [] }: { flags?: string[]; values?: string[] }) {
  const rest: string[] = []
  const given: Record<string, string> = {}
  const words = args.values()
  for (const word of words) {
    const [option = '', inline] = word.split(/=(.*)/s)
    if (flags.includes(word)) given[word] = 'given'
    else if (values.includes(option)) given[option] = inline ?? words.next().value ?? ''
    else if (word.startsWith('-')) refuse(`unknown flag ${word}`)
    else rest.push(word)
  }
  return { rest, given }
}

function fly(): Result {
  const { rest, given } = read({ flags: ['--stage', '--yes', '--json', '--image'], values: ['--app'] })
  const words = ['deploy', 'releases', 'logs'].includes(rest[0] ?? '') ? 1 : 2
  const command = rest.slice(0, words).join(' ')
  const more = rest.slice(words)
  if (command === 'apps create') {
    const [made = ''] = matched(/^([a-z][a-z0-9-]{2,29})$/, more[0] ?? '', 'not a name of an app')
    state.app = made
    return { text: `New app created: ${made}` }
  }
  const [written = ''] = matched(/^app = "(.*)"$/m, readFileSync('fly.toml', 'utf8'), 'no app in fly.toml')
  const app = given['--app'] ?? written
  if (app !== state.app) refuse(`Could not find App "${app}"`)
  switch (command) {
    case 'secrets import':
      if (!given['--stage']) refuse('not staged')
      keepSecrets(input().split('\n'))
      return { text: 'Secrets have been staged, but not set on VMs.' }
    case 'secrets set':
      if (more.length === 0) refuse('requires at least 1 arg(s)')
      keepSecrets(more)
      return { text: 'Release v2 created' }
    case 'secrets unset':
      for (const key of more) {
        if (!(key in state.secrets)) refuse(`no secret ${key}`)
        delete state.secrets[key]
      }
      return { text: 'Release v3 created' }
    case 'deploy':
      if (given['--image'])
        matched(/^registry\.fly\.io\/[^:]+:deployment-\w+$/, more[0] ?? '', 'not an image')
      state.machines = ['148e2d1c6d1789']
      return { text: `--> Building image\nVisit your newly deployed app at https://${app}.fly.dev/` }
    case 'scale count':
      if (more.join() !== '2' || !given['--yes']) refuse('it would ask')
      state.machines = ['148e2d1c6d1789', 'e784079b449483']
      return { text: `App '${app}' is going to be scaled according to this plan:\n  +1 machines` }
    case 'machine list':
      return { text: JSON.stringify(state.machines.map((id) => ({ id, state: 'stopped' }))) }
    case 'machine start':
      if (!state.machines.includes(more[0] ?? '')) refuse('machine not found')
      return { text: `${more[0]} has been started` }
    case 'machine stop':
      // without the id of one it asks which
      return { text: state.machines.map((id) => `[ ] ${id}`).join('\n') }
    case 'logs':
      return { text: `${state.machines[0]} fra [info] {"level":"info","msg":"listening"}` }
    case 'mpg create':
      return { text: '? Select Organization:' }
    case 'releases':
      if (!given['--image']) refuse('the images are not shown')
      return { text: `VERSION STATUS  DOCKER IMAGE\nv1      complete registry.fly.io/${app}:deployment-01` }
    default:
      return refuse('unknown command')
  }
}

function keepSecrets(pairs: string[]) {
  for (const pair of pairs) {
    const [key = '', value = ''] = matched(/^([A-Z][A-Z0-9_]*)=(.+)$/s, pair, 'Secrets must be NAME=VALUE')
    state.secrets[key] = value
  }
}

function npx(): Result {
  const { rest, given } = read({ values: ['--config'] })
  const [tool, ...words] = rest
  if (tool !== 'wrangler@4') refuse('another tool')
  const command = words.join(' ')
  if (command === 'login') return { text: 'Successfully logged in.' }
  const config = given['--config'] ?? refuse('no --config')
  const text = readFileSync(config, 'utf8')
  const [worker = ''] = matched(/"name": "([a-z-]+)"/, text, 'no name in the configuration')
  const [entry = ''] = matched(/"main": "(.*?)"/, text, 'no entry point in the configuration')
  if (!existsSync(join(dirname(config), entry))) refuse(`The entry-point file at "${entry}" was not found`)
  if (command === 'deploy') {
    state.worker = worker
    return { text: `Uploaded ${worker} (3.21 sec)\n  https://${worker}.my-name.workers.dev` }
  }
  if (state.worker !== worker) refuse('There is no such Worker yet')
  if (command === 'rollback') return { text: 'Current Version ID: 2' }
  if (command !== 'secret put RELAY_ADMIN_SECRET') refuse('unknown command')
  state.adminSecret = input()
  return { text: '✨ Success! Uploaded secret RELAY_ADMIN_SECRET' }
}

function docker(): Result {
  if (args.slice(0, 3).join(' ') === 'compose exec -T') return dockerExec(args.slice(3))
  const { rest, given } = read({
    flags: ['--detach', '--build', '--wait'],
    values: ['--target', '--build-arg', '--format', '-t'],
  })
  if (rest[0] === 'build') return dockerBuild(rest, given)
  if (rest.slice(0, 3).join(' ') === 'buildx imagetools inspect') {
    if (given['--format'] !== '{{.Manifest.Digest}}') refuse('another format')
    matched(/^([a-z0-9./-]+:[\w.-]+)$/, rest[3] ?? '', 'not an image')
    return { text: `sha256:${'0123456789abcdef'.repeat(4)}` }
  }
  const [first, second, ...services] = rest
  for (const one of services) if (!composeServices().includes(one)) refuse(`no such service: ${one}`)
  const command = `${first} ${second}`
  if (command === 'compose up' && given['--detach']) return { text: ' Container chronos-chronos-1  Healthy' }
  if (command === 'compose logs') return { text: 'chronos-1  | {"level":"info","msg":"listening"}' }
  return refuse('unknown command')
}

function composeServices(): string[] {
  const text = readFileSync('compose.yaml', 'utf8')
  return [...text.matchAll(/^ {2}(\w+):\n {4}\S/gm)].map(([, one = '']) => one)
}

/** A program in the container of a service: a real one, which is told where it would find the server there. */
function dockerExec([service = '', program = '', ...words]: string[]): Result {
  if (!composeServices().includes(service)) refuse('no such service')
  const env = { ...process.env, ...(JSON.parse(IN_CONTAINER) as Record<string, string>) }
  execFileSync(program, words, { env, stdio: ['ignore', 'inherit', 'inherit'] })
  return done
}

function dockerBuild([, folder]: string[], given: Record<string, string>): Result {
  const dockerfile = readFileSync('Dockerfile', 'utf8')
  if (folder !== '.' || !given['-t']) refuse('not used as the page says')
  const target = given['--target']
  if (target && !dockerfile.includes(` AS ${target}\n`)) refuse(`target stage "${target}" could not be found`)
  const [argument = '', value = ''] = (given['--build-arg'] ?? '').split(/=(.*)/s)
  if (argument && !dockerfile.includes(`ARG ${argument}=`)) refuse(`build-arg ${argument} was not consumed`)
  if (argument === 'BASE') matched(/^(.+@sha256:[0-9a-f]{64})$/, value, 'not an image by its digest')
  return { text: ` => naming to docker.io/library/${given['-t']}:latest` }
}

function journalctl(): Result {
  if (args.join(' ') !== '-u chronos') refuse('No journal files were found')
  return { text: '{"level":"info","msg":"listening"}' }
}

function npm(): Result {
  const project = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { scripts: object }
  const [command, script = '', dashes, url = ''] = args
  if (args.join(' ') === 'install') return { text: 'up to date' }
  if (command !== 'run' || !(script in project.scripts)) refuse('Missing script')
  if (script === 'build') cpSync(RELEASE, 'dist', { recursive: true })
  else if (script !== 'deploy:check') refuse('unknown command')
  else if (dashes !== '--' || !/^https?:\/\/[\w.:-]+$/.test(url) || !API_KEY) refuse('not used as it says')
  return { text: script === 'build' ? '' : 'All is well.' }
}

function sudo(): Result {
  const [program = '', ...words] = args
  const mapped = words.map((word) => (/^\/(opt|etc)\//.test(word) ? FAKE_ROOT + word : word))
  if (program === 'useradd') return done
  if (program === 'install' || program === 'cp') {
    for (const word of mapped.filter((one) => one.startsWith(FAKE_ROOT)))
      mkdirSync(word.endsWith('/') ? word : dirname(word), { recursive: true })
    execFileSync(program, mapped, { stdio: 'inherit' })
    return done
  }
  if (program !== 'systemctl') refuse('unknown command')
  matched(/^(daemon-reload|(?:enable --now|restart) chronos)$/, words.join(' '), 'unknown command')
  if (!existsSync(`${FAKE_ROOT}/etc/systemd/system/chronos.service`)) refuse('Unit chronos.service not found')
  return done
}

function openssl(): Result {
  const [form, count] = matched(/^rand -(hex|base64) (\d+)$/, args.join(' '), 'unknown command')
  return { text: randomBytes(Number(count)).toString(form === 'hex' ? 'hex' : 'base64') }
}

/** The programs of the pages, and no others. */
const filters: Record<string, (value: unknown) => Result> = {
  '.[].id': (value) => ({ text: (value as { id: string }[]).map(({ id }) => id).join('\n') }),
  '.environment | to_entries[] | "\\(.key)=\\(.value)"': (value) => {
    const { environment } = value as { environment: Record<string, string> }
    return {
      text: Object.entries(environment)
        .map((pair) => pair.join('='))
        .join('\n'),
    }
  },
  '(.runs.claimed // 0) + (.runs.running // 0) == 0': (value) => {
    const { runs } = value as { runs: Record<string, number> }
    const isFree = (runs['claimed'] ?? 0) + (runs['running'] ?? 0) === 0
    return { text: String(isFree), status: isFree ? 0 : 1 }
  },
}

function jq(): Result {
  const [program = '', file] = args.filter((word) => !/^-[re]$/.test(word))
  const filter = filters[program] ?? refuse('another program')
  return filter(JSON.parse(file === undefined ? input() : readFileSync(file, 'utf8')))
}

async function curl(): Promise<Result> {
  const { rest, given } = read({
    flags: ['-fsS', '--retry-all-errors'],
    values: ['-X', '-H', '-d', '--retry'],
  })
  const url = new URL(rest[0] ?? refuse('no URL'))
  const place = (JSON.parse(PLACES) as Record<string, string>)[url.origin] ?? refuse('Could not resolve host')
  const headers = args.flatMap((word, at) =>
    args[at - 1] === '-H' ? [word.split(/: (.*)/s).slice(0, 2) as [string, string]] : [],
  )
  const body = given['-d']
  const method = given['-X'] ?? (body === undefined ? 'GET' : 'POST')
  const answer = await fetch(place + url.pathname, { method, headers, ...(body !== undefined && { body }) })
  const text = await answer.text()
  return answer.ok ? { text } : { text: `${answer.status} ${text}`, status: 22 }
}

/** What stands for a version is a tag of that form. */
function git(): Result {
  matched(/^(pull|checkout v[\d.…]+)$/, args.join(' '), 'not used as the page says')
  return { text: 'Already up to date.' }
}

const programs: Record<string, () => Result | Promise<Result>> = {
  ...{ fly, npx, docker, npm, sudo, openssl, jq, curl, git, journalctl },
}

try {
  const program = programs[name] ?? (() => refuse('no such program'))
  const { text, status = 0 } = await program()
  if (text !== '') process.stdout.write(`${text}\n`)
  process.exitCode = status
} catch (error) {
  process.stderr.write(`${error instanceof Refused ? error.message : String((error as Error).stack)}\n`)
  process.exitCode = 2
}
writeState()

function readState(): Told {
  return JSON.parse(readFileSync(stateFile, 'utf8')) as Told
}

/** The programs of a pipe run at one time: each writes what it has changed, and none reads half a file. */
function writeState() {
  const isChanged = ([key, value]: [string, unknown]) =>
    JSON.stringify(value) !== JSON.stringify(asRead[key as keyof Told])
  const now = readState()
  const changed = Object.fromEntries(Object.entries(state).filter(isChanged))
  const mine = `${stateFile}.${process.pid}`
  writeFileSync(
    mine,
    JSON.stringify({ ...now, ...changed, calls: [...now.calls, [name, ...args].join(' ')] }),
  )
  renameSync(mine, stateFile)
}

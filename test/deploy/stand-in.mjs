// Stands in for a program that a page of docs/ tells people to use: it checks its arguments, keeps what it was told in
// a folder, and prints what the real one prints. Called as `node stand-in.mjs NAME ARGS…`; anything that the real one would
// refuse ends with status 2.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const [name, ...args] = process.argv.slice(2)
const folder = process.env.STAND_IN
const stateFile = join(folder, 'state.json')
const state = JSON.parse(readFileSync(stateFile, 'utf8'))
state.calls.push([name, ...args].join(' '))
const say = (text) => process.stdout.write(`${text}\n`)
const input = () => readFileSync(0, 'utf8')

function refuse(why) {
  process.stderr.write(`${name}: ${why}: ${args.join(' ')}\n`)
  save()
  process.exit(2)
}

function save() {
  writeFileSync(stateFile, JSON.stringify(state))
}

/** The arguments without the options that are named; of those that take a value, the value. */
function read({ flags = [], values = [] }) {
  const rest = []
  const given = {}
  for (let at = 0; at < args.length; at++) {
    const word = args[at]
    const [option, inline] = word.split(/=(.*)/s)
    if (flags.includes(word)) given[word] = true
    else if (values.includes(option))
      given[option] = inline ?? args[++at] ?? refuse('an option without its value')
    else if (word.startsWith('-')) refuse(`unknown flag ${word}`)
    else rest.push(word)
  }
  return { rest, given }
}

const programs = {
  fly() {
    const { rest, given } = read({ flags: ['--stage', '--yes', '--json', '--image'], values: ['--app'] })
    const [first, second, ...more] = rest
    const app = given['--app'] ?? /^app = "(.*)"$/m.exec(readFileSync('fly.toml', 'utf8'))?.[1]
    const command = first === 'deploy' ? 'deploy' : `${first} ${second}`
    if (command === 'apps create') {
      if (!/^[a-z][a-z0-9-]{2,29}$/.test(more[0] ?? ''))
        refuse('a name of lower-case letters, digits and dashes')
      state.app = more[0]
      return say(`New app created: ${more[0]}`)
    }
    if (app !== state.app) refuse(`Could not find App "${app}"`)
    const pairs =
      command === 'secrets import' ? input().trim().split('\n') : command === 'secrets set' ? more : []
    for (const pair of pairs) {
      const [, key, value] =
        /^([A-Z][A-Z0-9_]*)=(.+)$/s.exec(pair) ?? refuse(`Secrets must be NAME=VALUE, not ${pair}`)
      state.secrets[key] = value
    }
    if (command === 'secrets import' && given['--stage'])
      return say(
        'Secrets have been staged, but not set on VMs. Deploy or update machines in this app for the secrets to take effect.',
      )
    if (command === 'secrets set')
      return say(pairs.length > 0 ? 'Release v2 created' : refuse('requires at least one secret'))
    if (command === 'secrets unset') {
      for (const key of more) if (!delete state.secrets[key]) refuse(`no secret ${key}`)
      return say('Release v3 created')
    }
    if (command === 'deploy') {
      if (given['--image'] && !/^registry\.fly\.io\/[^:]+:deployment-\w+$/.test(second ?? ''))
        refuse('an image')
      state.machines = ['148e2d1c6d1789']
      return say(
        `--> Building image\n--> Running release_command\nVisit your newly deployed app at https://${app}.fly.dev/`,
      )
    }
    if (command === 'scale count' && more[0] === '2' && given['--yes']) {
      state.machines = ['148e2d1c6d1789', 'e784079b449483']
      return say(`App '${app}' is going to be scaled according to this plan:\n  +1 machines for group 'app'`)
    }
    if (command === 'machine list' && given['--json'])
      return say(JSON.stringify(state.machines.map((id) => ({ id, state: 'stopped' }))))
    if (command === 'machine start' && state.machines.includes(more[0]))
      return say(`${more[0]} has been started`)
    if (command === 'releases undefined' && given['--image'])
      return say(`VERSION STATUS  DOCKER IMAGE\nv1      complete registry.fly.io/${app}:deployment-01`)
    return refuse('unknown command')
  },
  npx() {
    const { rest, given } = read({ values: ['--config'] })
    const [tool, ...words] = rest
    if (tool !== 'wrangler@4') refuse('another tool')
    const command = words.join(' ')
    if (command === 'login') return say('Successfully logged in.')
    const config = readFileSync(given['--config'] ?? refuse('no --config'), 'utf8')
    const worker = /"name": "([a-z-]+)"/.exec(config)?.[1] ?? refuse('no name in the configuration')
    if (!existsSync(join(dirname(given['--config']), /"main": "(.*)"/.exec(config)?.[1] ?? '')))
      refuse('no entry point')
    if (command === 'deploy') {
      state.worker = worker
      return say(
        `Uploaded ${worker} (3.21 sec)\nDeployed ${worker} triggers (0.31 sec)\n  https://${worker}.my-name.workers.dev`,
      )
    }
    if (command === 'secret put RELAY_ADMIN_SECRET') {
      if (state.worker !== worker) refuse('There is no such Worker yet')
      state.adminSecret = input().trim()
      return say('✨ Success! Uploaded secret RELAY_ADMIN_SECRET')
    }
    return refuse('unknown command')
  },
  docker() {
    const { rest, given } = read({ flags: ['--detach', '--build', '--wait'] })
    const [first, second, ...services] = rest
    const known = [...readFileSync('compose.yaml', 'utf8').matchAll(/^ {2}(\w+):\n {4}\S/gm)].map(
      ([, one]) => one,
    )
    for (const one of services) if (!known.includes(one)) refuse(`no such service: ${one}`)
    if (first === 'compose' && second === 'up' && given['--detach'])
      return say(
        ' Container chronos-postgres-1  Healthy\n Container chronos-migrate-1  Exited\n Container chronos-chronos-1  Started',
      )
    if (first === 'compose' && second === 'logs')
      return say('chronos-1  | {"level":"info","msg":"listening"}')
    return refuse('unknown command')
  },
  npm() {
    const { scripts } = JSON.parse(readFileSync(join(process.env.PROJECT, 'package.json'), 'utf8'))
    if (args.join(' ') === 'install') return say('up to date')
    if (args[0] !== 'run' || !scripts[args[1]]) refuse('Missing script')
    if (args[1] === 'build') return cpSync(process.env.RELEASE, 'dist', { recursive: true })
    if (args[1] !== 'deploy:check') refuse('unknown command')
    if (args[2] !== '--' || !/^https?:\/\/[\w.:-]+$/.test(args[3] ?? '') || !process.env.API_KEY)
      refuse('usage')
    return say('All is well.')
  },
  sudo() {
    const root = process.env.FAKE_ROOT
    const [program, ...words] = args
    const mapped = words.map((word) => (/^\/(opt|etc)\//.test(word) ? root + word : word))
    if (program === 'useradd') return
    if (program === 'install' || program === 'cp') {
      for (const word of mapped.filter((one) => one.startsWith(root)))
        mkdirSync(word.endsWith('/') ? word : dirname(word), { recursive: true })
      return void execFileSync(program, mapped, { stdio: 'inherit' })
    }
    if (program !== 'systemctl' || !/^(daemon-reload|(enable --now|restart) chronos)$/.test(words.join(' ')))
      refuse('unknown command')
    if (!existsSync(`${root}/etc/systemd/system/chronos.service`)) refuse('Unit chronos.service not found')
  },
  openssl() {
    const [, form, count] = /^rand -(hex|base64) (\d+)$/.exec(args.join(' ')) ?? refuse('unknown command')
    say(randomBytes(Number(count)).toString(form))
  },
  jq() {
    const program = args.at(-1)?.startsWith('.') || args.at(-1)?.startsWith('(') ? args.at(-1) : args.at(-2)
    const file = args.at(-1) === program ? 0 : args.at(-1)
    const value = JSON.parse(readFileSync(file, 'utf8'))
    if (program === '.[].id') return value.forEach(({ id }) => say(id))
    if (program === '.environment | to_entries[] | "\\(.key)=\\(.value)"')
      return Object.entries(value.environment).forEach(([key, one]) => say(`${key}=${one}`))
    if (program === '(.runs.claimed // 0) + (.runs.running // 0) == 0') {
      const isFree = (value.runs.claimed ?? 0) + (value.runs.running ?? 0) === 0
      say(String(isFree))
      process.exitCode = isFree ? 0 : 1
      return
    }
    refuse('another program')
  },
  async curl() {
    const { rest, given } = read({
      flags: ['-fsS', '--retry-all-errors'],
      values: ['-X', '-H', '-d', '--retry'],
    })
    const url = rest[0] ?? refuse('no URL')
    const headers = args.flatMap((word, at) =>
      args[at - 1] === '-H' ? [word.split(/: (.*)/s).slice(0, 2)] : [],
    )
    const { origin } = new URL(url)
    const place = JSON.parse(process.env.PLACES)[origin] ?? refuse('Could not resolve host')
    const body = given['-d']
    const method = given['-X'] ?? (body === undefined ? 'GET' : 'POST')
    save()
    const answer = await fetch(place + url.slice(origin.length), { method, headers, ...(body && { body }) })
    const text = await answer.text()
    process.stdout.write(text)
    if (!answer.ok) {
      process.stderr.write(`curl: (22) The requested URL returned error: ${answer.status} ${text}\n`)
      process.exitCode = 22
    }
  },
  pg_dump() {
    const { rest, given } = read({ flags: ['--no-owner'], values: ['--format', '--file'] })
    if (given['--format'] !== 'custom' || !URL.canParse(rest[0] ?? '')) refuse('usage')
    writeFileSync(given['--file'], 'PGDMP')
  },
  pg_restore() {
    const { rest, given } = read({
      flags: ['--exit-on-error', '--single-transaction', '--no-owner', '--list'],
      values: ['--dbname'],
    })
    if (!readFileSync(rest[0], 'utf8').startsWith('PGDMP'))
      refuse('input file does not appear to be a valid archive')
    if (given['--list']) return say('4242; 0 16390 TABLE DATA public jobs chronos')
    if (!URL.canParse(given['--dbname'] ?? '')) refuse('one of -d/--dbname and -f/--file must be specified')
  },
  psql() {
    const { rest, given } = read({ values: ['-c'] })
    if (!URL.canParse(rest[0] ?? '') || !given['-c']) refuse('usage')
    say(' count \n-------\n     1')
  },
}

await (programs[name] ?? (() => refuse('no such program')))()
save()

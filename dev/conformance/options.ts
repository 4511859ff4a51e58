import { parseArgs } from 'node:util'

export const help = `npm run conformance -- [options]

Tries every clause of docs/contract.md: on the built service (dist/), which it starts with a PostgreSQL of its own
and a portal that it plays, and on the local NAS (npm run nas). Exits 0 if all hold, 1 if one does not, 2 if an
option cannot be used.

  --only TEXT       only clauses whose name contains TEXT, or the group of this name; any number of them
  --side SIDE       only "service" or only "nas"
  --seed N          for what is drawn at random; each run prints its own
  --relay           try the relay (npm run relay) in place of the local NAS; implies --side nas
  --relay-host HOST node (the default), or worker: its host for Cloudflare, on workerd
  --database URL    a PostgreSQL that lets us create databases, in place of one of its own
  --dist FOLDER     the built files, default dist
  --verbose         how long each clause took, and the table while it grows
  --help

A service that runs elsewhere; what needs one with settings of its own is not tried then:
  --url URL         its base URL
  --key KEY         an API key with all scopes
  --audience AUD    its NAS_AUDIENCE, default agent:conformance
  --portal URL      its NAS_PORTAL_URL, to the letter: the kit takes the place of that portal
  --portal-token T  its NAS_ACCESS_TOKEN; needed with --portal
  --listen H:P      where the kit listens as the portal, if not at the address in --portal (https, another machine)
  --target URL      a URL at which the service reaches the kit, for the calls of its jobs; default: this machine
  --target-port N   the port that this URL leads to; needed with --target

A timer service that runs elsewhere, a real portal for one; what needs its options is not tried then:
  --nas URL         its base URL
  --nas-token T     an agent access token
  --nas-audience A  the aud of its fires
  --no-nas-firewall it has no firewall that refuses a library's User-Agent (the relay has none)
  --agent URL       a URL at which the timer service reaches the kit, for its fires; default: this machine
  --agent-port N    the port that this URL leads to; needed with --agent
`

/** An option that cannot be used, or what it names does not answer as it should: said in a sentence, exit status 2. */
export class OptionError extends Error {}

export type Options = NonNullable<ReturnType<typeof readOptions>>

/** The options of the command line. Null: help was asked for. @throws OptionError */
export function readOptions(args: string[]) {
  const values = valuesOf(args)
  if (values.help) return null
  for (const name of ['url', 'portal', 'target', 'nas', 'agent'] as const) {
    if (values[name] !== undefined && !/^https?:/.test(URL.parse(values[name])?.protocol ?? ''))
      throw new OptionError(`--${name} is not an http or https URL.`)
  }
  if (values.side !== undefined && !['service', 'nas'].includes(values.side))
    throw new OptionError('--side is "service" or "nas".')
  for (const [name, needed] of together) {
    if (values[name] !== undefined && !values[needed]) throw new OptionError(`--${name} needs --${needed}.`)
  }
  if (values.relay && (values.nas !== undefined || values.url !== undefined || values.side === 'service'))
    throw new OptionError(
      '--relay tries the relay that it starts; --nas, --url and --side service try others.',
    )
  const relayHost = hostOf(values['relay-host'])
  if (relayHost === 'worker' && !values.relay) throw new OptionError('--relay-host needs --relay.')
  if (values.database !== undefined && values.url !== undefined)
    throw new OptionError('--database is for services that the kit starts; --url points at one that runs.')
  return {
    ...values,
    relayHost,
    seed: numberOf('seed', values.seed) ?? Math.floor(Math.random() * 1_000_000),
    listen: placeOf(values),
    'target-port': numberOf('target-port', values['target-port']),
    'agent-port': numberOf('agent-port', values['agent-port']),
  }
}

/** Each of these is of no use without the other. */
const together = [
  ['key', 'url'],
  ['portal', 'url'],
  ['portal', 'portal-token'],
  ['portal-token', 'portal'],
  ['listen', 'portal'],
  ['target', 'url'],
  ['target', 'target-port'],
  ['target-port', 'target'],
  ['nas', 'nas-token'],
  ['nas', 'nas-audience'],
  ['nas-token', 'nas'],
  ['nas-audience', 'nas'],
  ['agent', 'nas'],
  ['agent', 'agent-port'],
  ['agent-port', 'agent'],
] as const

export type Place = { host: string; port: number }

/** Where the kit listens as the portal: as `listen` says, or at the address in `portal`. */
function placeOf({ listen, portal }: { listen?: string; portal?: string }): Place | undefined {
  if (listen !== undefined) {
    const [, host = '', port] = /^(.+):(\d+)$/.exec(listen) ?? []
    if (host === '' || Number(port) > 65_535) throw new OptionError('--listen is HOST:PORT.')
    return { host: bare(host), port: Number(port) }
  }
  if (portal === undefined) return undefined
  const { protocol, hostname, port } = new URL(portal)
  if (protocol !== 'http:')
    throw new OptionError(
      '--portal is https, which the kit does not speak: say with --listen where TLS ends.',
    )
  return { host: bare(hostname), port: Number(port || 80) }
}

function hostOf(text: string): 'node' | 'worker' {
  if (text === 'node' || text === 'worker') return text
  throw new OptionError('--relay-host is "node" or "worker".')
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function valuesOf(args: string[]) {
  const text = { type: 'string' } as const
  try {
    return parseArgs({
      args,
      options: {
        only: { type: 'string', multiple: true, default: [] },
        side: text,
        seed: text,
        relay: { type: 'boolean', default: false },
        'relay-host': { type: 'string', default: 'node' },
        database: text,
        dist: text,
        verbose: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        url: text,
        key: text,
        audience: { type: 'string', default: 'agent:conformance' },
        portal: text,
        'portal-token': text,
        listen: text,
        target: text,
        'target-port': text,
        nas: text,
        'nas-token': text,
        'nas-audience': text,
        'no-nas-firewall': { type: 'boolean', default: false },
        agent: text,
        'agent-port': text,
      },
    }).values
  } catch (error) {
    throw new OptionError((error as Error).message)
  }
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0) throw new OptionError(`--${name} is a whole number.`)
  return number
}

import { parseArgs } from 'node:util'

export const help = `npm run conformance -- [options]

Tries every clause of docs/contract.md: on the built service (dist/), which it starts with a PostgreSQL of its own
and a portal that it plays, and on the local NAS (npm run nas). Exits 0 if all hold, 1 if one does not, 2 if an
option cannot be read.

  --only TEXT       only clauses whose name contains TEXT, or the group of this name; any number of them
  --side SIDE       only "service" or only "nas"
  --seed N          for what is drawn at random; each run prints its own
  --relay           try the relay (npm run relay) in place of the local NAS; implies --side nas
  --database URL    a PostgreSQL that lets us create databases, in place of one of its own
  --verbose         how long each clause took, and the table while it grows
  --help

A service that runs elsewhere; what needs one with settings of its own is not tried then:
  --url URL         its base URL
  --key KEY         an API key with all scopes
  --audience AUD    its NAS_AUDIENCE, default agent:conformance
  --portal URL      the NAS_PORTAL_URL that it was started with: the kit takes the place of that portal
  --portal-token T  the NAS_ACCESS_TOKEN that it was started with
  --listen H:P      where the kit listens as the portal, if that is not the address in --portal
  --target URL      a public URL that leads to the kit, for the calls of its jobs
  --target-port N   the port that this URL leads to

A timer service that runs elsewhere, a real portal for one; what needs its options is not tried then:
  --nas URL         its base URL
  --nas-token T     an agent access token
  --nas-audience A  the aud of its fires
  --no-nas-firewall it has no firewall that refuses a library's User-Agent (the relay has none)
  --agent URL       a public URL that leads to the kit, for its fires
  --agent-port N    the port that this URL leads to
`

export type Options = NonNullable<ReturnType<typeof readOptions>>

/** The options of the command line; throws what cannot be read. Null: help was asked for. */
export function readOptions(args: string[]) {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      side: text,
      seed: text,
      relay: { type: 'boolean', default: false },
      database: text,
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
  })
  if (values.help) return null
  for (const name of ['url', 'portal', 'target', 'nas', 'agent'] as const) {
    if (values[name] !== undefined && !URL.canParse(values[name])) throw new Error(`--${name} is not a URL.`)
  }
  if (values.side !== undefined && !['service', 'nas'].includes(values.side))
    throw new Error('--side is "service" or "nas".')
  if (values.nas !== undefined && (!values['nas-token'] || !values['nas-audience']))
    throw new Error('--nas needs --nas-token and --nas-audience.')
  if (values.relay && (values.nas !== undefined || values.url !== undefined || values.side === 'service'))
    throw new Error('--relay tries the relay that it starts; --nas, --url and --side service try others.')
  const seed = numberOf('seed', values.seed) ?? Math.floor(Math.random() * 1_000_000)
  return {
    ...values,
    seed,
    'target-port': numberOf('target-port', values['target-port']),
    'agent-port': numberOf('agent-port', values['agent-port']),
  }
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0) throw new Error(`--${name} is a whole number.`)
  return number
}

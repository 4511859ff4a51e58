import { Resolver } from 'node:dns/promises'
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'

/**
 * All addresses of a name, those of IPv4 first. Gives up when `signal` aborts. Rejects with an Error whose code is
 * ENOTFOUND (it has none) or EAI_AGAIN (no name server could say).
 */
export type Lookup = (name: string, signal: AbortSignal) => Promise<readonly string[]>

type LookupNeeds = {
  /** `address:port`; default: those of the system. */
  nameServers?: readonly string[] | undefined
}

/** Both families, all servers, all completions. */
const longestMs = 5_000
const perServerMs = 1_500

/** One family waits so long for the other, which some name servers never answer (RFC 8305, 3, has less). */
const patienceMs = 300

/**
 * Looks up in the hosts file and by DNS, with questions of our own (c-ares) that can be cancelled. The system's
 * look-up (getaddrinfo) cannot, and holds one of the process' four threads until it gives up: with a name server
 * that is silent, everything else that looks up a name or reads a file waits behind it.
 */
export function createLookup({ nameServers }: LookupNeeds = {}): Lookup {
  const hosts = createHosts()
  return async (name, signal) => {
    signal.throwIfAborted()
    const known = hosts(name)
    if (known.length > 0) return known
    // RFC 6761: never a question to DNS
    if (name === 'localhost' || name.endsWith('.localhost')) return ['127.0.0.1', '::1']
    const resolver = new Resolver({ timeout: perServerMs, tries: 2 })
    if (nameServers) resolver.setServers(nameServers)
    const cancel = () => resolver.cancel()
    const timer = setTimeout(cancel, longestMs)
    signal.addEventListener('abort', cancel, { once: true })
    try {
      for (const candidate of candidatesFor(name)) {
        const found = await ask(resolver, candidate)
        if (found.length > 0 || signal.aborted) return found
      }
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', cancel)
      // the other family may still be asked for
      resolver.cancel()
    }
    throw Object.assign(new Error(`${name} has no address`), { code: 'ENOTFOUND' })
  }
}

type Resolved = { found: string[] } | { code: string }

/** Empty: there is no such name, or it has no address. */
async function ask(resolver: Resolver, name: string): Promise<string[]> {
  const v4 = answerOf(resolver.resolve4(name))
  const v6 = answerOf(resolver.resolve6(name))
  const first = await Promise.race([v4, v6])
  const patience = Promise.withResolvers<Resolved>()
  const timer = 'found' in first && setTimeout(() => patience.resolve({ found: [] }), patienceMs)
  const answers = await Promise.all([v4, v6].map((one) => Promise.race([one, patience.promise])))
  if (timer) clearTimeout(timer)
  const found = answers.flatMap((answer) => ('found' in answer ? answer.found : []))
  const trouble = answers.find((answer) => 'code' in answer && !isNone(answer.code))
  if (found.length > 0 || !trouble) return found
  const code = 'code' in trouble ? trouble.code : ''
  throw Object.assign(new Error(`no name server answered for ${name} (${code})`), { code: 'EAI_AGAIN' })
}

async function answerOf(work: Promise<string[]>): Promise<Resolved> {
  try {
    return { found: await work }
  } catch (error) {
    return { code: error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN' }
  }
}

function isNone(code: string): boolean {
  return code === 'ENOTFOUND' || code === 'ENODATA'
}

/**
 * What to ask for, by the search list of resolv.conf(5): a name without a dot is completed before it is asked for as
 * it is, one with a dot after that, so that no neighbour answers for a name of the world outside.
 */
function candidatesFor(name: string): string[] {
  const completed = searchList().map((suffix) => `${name}.${suffix}`)
  return name.includes('.') ? [name, ...completed] : [...completed, name]
}

const mostSuffixes = 6

function searchList(): string[] {
  const lines = textOf('/etc/resolv.conf').split('\n')
  const [, list = ''] =
    lines.findLast((line) => /^(search|domain)\s/.test(line))?.match(/^\w+\s+(\S.*)$/) ?? []
  return list
    .split(/\s+/)
    .map((suffix) => suffix.replace(/(?<!\.)\.+$/, ''))
    .filter((suffix) => suffix !== '')
    .slice(0, mostSuffixes)
}

const hostsFile =
  process.platform === 'win32' ? String.raw`C:\Windows\System32\drivers\etc\hosts` : '/etc/hosts'

/** The addresses that the hosts file has for a name. The file is read again when it has changed. */
function createHosts(): (name: string) => string[] {
  let readAt = Number.NaN
  let known = new Map<string, string[]>()
  return (name) => {
    const changedAt = statSync(hostsFile, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (changedAt !== readAt) {
      known = readHosts(textOf(hostsFile))
      readAt = changedAt
    }
    return known.get(name) ?? []
  }
}

function readHosts(text: string): Map<string, string[]> {
  const known = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (isIP(address) === 0) continue
    for (const name of names) {
      const lower = name.toLowerCase()
      const addresses = known.get(lower) ?? []
      known.set(lower, isIP(address) === 4 ? [address, ...addresses] : [...addresses, address])
    }
  }
  return known
}

/** By the call that waits: what reads in the background would share the threads that are to stay free. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

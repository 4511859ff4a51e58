import { parseArgs } from 'node:util'
import { StartError } from './errors.ts'
import { type Kept, keep, nasState, relayDatabase } from './home.ts'
import { nasLine, relayLine } from './lines.ts'
import { isLoggedIn, logIn } from './login.ts'
import { type Part, startPart, untilAnswered } from './part.ts'

/** The timer service that wakes Chronos here: the local NAS, which can misbehave, or the relay, which people deploy. */
export type Timer = 'nas' | 'relay'

/** `--timer relay`, or the local NAS. @throws StartError: another option, or another timer. */
export function askedTimer(args: string[]): Timer {
  try {
    const { timer } = parseArgs({ args, options: { timer: { type: 'string', default: 'nas' } } }).values
    if (timer === 'nas' || timer === 'relay') return timer
    throw new Error(`--timer is "${timer}"`)
  } catch (error) {
    throw new StartError(`${(error as Error).message}. The only option is --timer nas or --timer relay.`)
  }
}

type TimerNeeds = {
  kept: Kept
  url: string
  callbackUrl: string
  isNewDatabase: boolean
  show: (line: string | null) => void
  /** Once it is started, before it answers. */
  started: (part: Part) => void
}

const agentId = 'local'
const clientId = 'chronos-local'

/** Starts the timer service. Resolves with the variables by which the service is known there, once it answers. */
export function startTimer(timer: Timer, needs: TimerNeeds): Promise<Record<string, string>> {
  return timer === 'relay' ? startRelay(needs) : startNas(needs)
}

async function startNas({ kept, url, isNewDatabase, show, started }: TimerNeeds) {
  const port = String(kept.nasPort)
  const options = ['--port', port, '--client-id', clientId, '--state', nasState]
  const command = ['dev/nas/main.ts', ...options]
  const isStanding = await isLoggedIn(kept.refreshToken, isNewDatabase)
  const nas = startPart({ name: 'local NAS', command, env: process.env, show: (raw) => show(nasLine(raw)) })
  started(nas)
  await untilAnswered(nas, `${url}/control/armed`)
  const refreshToken = isStanding ? kept.refreshToken : await logIn(url)
  if (!isStanding) keep({ ...kept, refreshToken })
  return {
    NAS_AUDIENCE: `agent:${agentId}`,
    NAS_TOKEN_URL: `${url}/oauth/token`,
    NAS_CLIENT_ID: clientId,
    NAS_REFRESH_TOKEN: refreshToken ?? '',
  }
}

async function startRelay({ kept, url, callbackUrl, show, started }: TimerNeeds) {
  const env = {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: String(kept.nasPort),
    LOG_LEVEL: 'debug',
    RELAY_URL: url,
    RELAY_DATABASE: relayDatabase,
    RELAY_ALLOW: '127.0.0.0/8',
    // A user who may read it may read what it protects.
    RELAY_ADMIN_SECRET: kept.encryptionKey,
  }
  const command = ['relay/node/main.ts']
  const relay = startPart({ name: 'relay', command, env, show: (raw) => show(relayLine(raw)) })
  started(relay)
  await untilAnswered(relay, `${url}/healthz`)
  const ask = async (method: string, path: string, json: unknown) => {
    const headers = { authorization: `Bearer ${kept.encryptionKey}`, 'content-type': 'application/json' }
    const answer = await fetch(url + path, { method, headers, body: JSON.stringify(json) })
    return { status: answer.status, body: (await answer.json()) as { token?: string } }
  }
  const settings = { callback_urls: [callbackUrl] }
  const made = await ask('POST', '/agents', { agent_id: agentId, ...settings })
  if (made.status === 201) return variables(made.body)
  // Of an earlier start, whose token no one has kept; the address that it calls may have moved.
  await ask('PATCH', `/agents/${agentId}`, settings)
  return variables((await ask('POST', `/agents/${agentId}/token`, {})).body)
}

function variables({ token }: { token?: string }): Record<string, string> {
  if (token === undefined) throw new StartError('The relay gave no token for this service.')
  return { NAS_AUDIENCE: `agent:${agentId}`, NAS_ACCESS_TOKEN: token }
}

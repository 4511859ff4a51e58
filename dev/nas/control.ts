import type { IncomingMessage } from 'node:http'
import { type Answer, json } from '../../relay/core/index.ts'
import { type Handle, readBody, send } from './http.ts'
import { type Limits, MisbehaviourUnknown, type PortalCall, readMisbehaviour } from './misbehave.ts'
import type { Nas } from './nas.ts'

type Fields = Record<string, unknown>
type Ask = { nas: Nas; fields: Fields; query: URLSearchParams }
type Action = (ask: Ask) => Answer | Promise<Answer>

/** What can be done over HTTP; the same as the functions of `Nas`. Documented in docs/local-nas.md. */
const actions: Record<string, Action> = {
  'GET /control': ({ nas }) => ok(overview(nas)),
  'GET /control/log': ({ nas, query }) => ok({ log: nas.log.filter((entry) => isAskedFor(entry, query)) }),
  'GET /control/armed': ({ nas }) => ok({ armed: nas.held() }),
  'GET /control/misbehave': ({ nas }) => ok({ misbehaving: nas.misbehaving() }),
  'POST /control/misbehave': misbehave,
  async 'DELETE /control/misbehave'({ nas, query }) {
    await nas.behave(query.get('name') ?? undefined)
    return ok({ misbehaving: nas.misbehaving() })
  },
  async 'POST /control/fire'({ nas, fields }) {
    const jobId = String(fields['job_id'])
    if (!nas.armed().some((row) => row.job_id === jobId))
      return wrong(404, `nothing is armed for job ${jobId}`)
    return ok(await nas.fireNow(jobId))
  },
  'POST /control/lose'({ nas, fields }) {
    nas.lose(String(fields['job_id']))
    return ok({ lost: true })
  },
  async 'POST /control/fire-token'({ nas, fields }) {
    return ok({ token: await nas.signFireToken(fields) })
  },
  async 'POST /control/rotate-keys'({ nas, fields }) {
    await nas.rotateKeys({ keepOld: fields['keep_old'] !== false })
    return ok({ rotated: true })
  },
  'POST /control/log-in': async ({ nas }) => ok({ refresh_token: await nas.logIn() }),
  async 'POST /control/revoke-login'({ nas }) {
    await nas.revokeLogin()
    return ok({ revoked: true })
  },
  'POST /control/time': moveTime,
}

export function isControl(request: IncomingMessage): boolean {
  return /^\/control(\/|\?|$)/.test(request.url ?? '')
}

/** Answers the control paths, to programs on this machine only: a web page's request (it has an Origin) is refused. */
export function createControl(nas: Nas): Handle {
  return async (request, response) => {
    const text = await readBody(request)
    if (!isFromHere(request))
      return send(response, wrong(403, 'control paths are for programs on this machine'))
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://nas')
    const action = actions[`${request.method} ${pathname}`]
    if (!action) return send(response, wrong(404, `expected one of: ${Object.keys(actions).join(', ')}`))
    const fields = readFields(text)
    if (!fields) return send(response, wrong(400, 'expected a JSON object, or no body'))
    try {
      send(response, await action({ nas, fields, query: searchParams }))
    } catch (error) {
      if (!(error instanceof MisbehaviourUnknown)) throw error
      send(response, wrong(400, error.message))
    }
  }
}

async function misbehave({ nas, fields }: Ask): Promise<Answer> {
  const { name, value, times, job_id: jobId, call } = fields
  const limits: Limits = {
    times: typeof times === 'number' ? times : undefined,
    jobId: typeof jobId === 'string' ? jobId : undefined,
    call: typeof call === 'string' ? (call as PortalCall) : undefined,
  }
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
  const asked = readMisbehaviour(String(name), text, limits)
  if (asked.name === 'down' && asked.word === 'refuse' && asked.amount === 0 && nas.controlUrl === null) {
    return wrong(
      409,
      'down=refuse would shut these paths too. Use down=refuse:10s, or start with --control-port',
    )
  }
  await nas.misbehave(asked.name, text, limits)
  return ok({ misbehaving: nas.misbehaving() })
}

async function moveTime({ nas, fields }: Ask): Promise<Answer> {
  const { to, advance_ms: advanceMs } = fields
  try {
    if (typeof advanceMs === 'number') await nas.advance(advanceMs)
    else await nas.setTime(String(to))
  } catch (error) {
    return wrong(409, error instanceof Error ? error.message : String(error))
  }
  return ok({ now: nas.now() })
}

function overview(nas: Nas): Fields {
  const { issuer, audience, jwksUrl, tokenUrl, clientId } = nas
  const names = { issuer, audience, jwks_url: jwksUrl, token_url: tokenUrl, client_id: clientId }
  return { now: nas.now(), ...names, armed: nas.held(), misbehaving: nas.misbehaving() }
}

function isAskedFor(entry: Nas['log'][number], query: URLSearchParams): boolean {
  const kind = query.get('kind')
  const jobId = query.get('job_id')
  return (kind === null || entry.kind === kind) && (jobId === null || entry.job_id === jobId)
}

function isFromHere({ socket, headers }: IncomingMessage): boolean {
  return /^(::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? '') && headers.origin === undefined
}

function readFields(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text || '{}')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}

function ok(body: unknown): Answer {
  return json(200, body)
}

function wrong(status: number, error: string): Answer {
  return json(status, { error })
}

import { randomBytes } from 'node:crypto'
import { decodeJwt, exportJWK, exportPKCS8, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { createStandInClock } from '../stand-in/clock.ts'
import { controlsOf } from '../stand-in/controls.ts'
import { createCouriers, type Owed } from '../stand-in/couriers.ts'
import { noFaults } from '../stand-in/faults.ts'
import { type StandInAnswer, type StandInCall, startStandInServer } from '../stand-in/server.ts'

export type Task = {
  name: string
  url: string
  method: string
  headers: Record<string, string>
  body: Buffer
  scheduleMs: number
  oidcToken: { serviceAccountEmail: string; audience: string } | null
  owed: Owed | null
}

type RetryConfig = { minBackoffMs: number; maxBackoffMs: number; maxDoublings: number; maxAttempts: number }

const queue = 'projects/a-project/locations/europe-west1/queues/chronos'
const caller = 'chronos@a-project.iam.gserviceaccount.com'
const longestAheadMs = 30 * 86_400_000
/** "can't be created for ~1 hour after the original task was deleted or executed" */
const tombstoneMs = 3_600_000

/**
 * A stand-in of Google Cloud Tasks, its token endpoint and its published keys, written from the published REST description
 * of v2: create, get, delete and list of tasks with HTTP targets and OIDC tokens, names that cannot be used
 * again for an hour, the queue's retries. `time`: the instant at which its clock stands.
 */
export async function startCloudTasks({
  time = null,
  retry = { minBackoffMs: 1_000, maxBackoffMs: 3_600_000, maxDoublings: 12, maxAttempts: -1 },
  tokenLifeS = 3_599,
  changed,
  keys = makeKeys(),
}: {
  time?: Date | null
  retry?: RetryConfig
  tokenLifeS?: number
  /** Told after each delivery. */
  changed?: () => void
  /** Those of the service account and of Google; default: new ones. */
  keys?: ReturnType<typeof makeKeys>
} = {}) {
  const clock = createStandInClock(time && time.getTime())
  const faults = noFaults()
  const [account, google] = await keys
  const tasks = new Map<string, Task>()
  const tombstones = new Map<string, number>()
  const tokens = new Map<string, number>()
  const calls: StandInCall[] = []
  const deliveries: { name: string; status: number | null }[] = []
  /** API calls and tries of fires: what Google bills. */
  let billed = 0
  let permissions = true

  const couriers = createCouriers({
    clock,
    faults,
    changed,
    async call({ id, tries }) {
      const task = tasks.get(id)
      if (!task) return null
      billed += 1
      const answered = await deliver(task, tries - 1)
      deliveries.push({ name: id, status: answered?.status ?? null })
      return answered
    },
    gapMs({ tries }) {
      const { minBackoffMs, maxBackoffMs, maxDoublings, maxAttempts } = retry
      if (maxAttempts !== -1 && tries >= maxAttempts) return null
      const doublings = Math.min(tries - 1, maxDoublings)
      const linear = Math.max(0, tries - 1 - maxDoublings) * 2 ** maxDoublings * minBackoffMs
      return Math.min(maxBackoffMs, minBackoffMs * 2 ** doublings + linear)
    },
    ended: ({ id }) => bury(id),
  })

  async function deliver({ name, url, method, headers, body, oidcToken }: Task, retried: number) {
    try {
      const response = await fetch(url, {
        method,
        body: new Uint8Array(body),
        headers: {
          'user-agent': 'Google-Cloud-Tasks',
          ...headers,
          'x-cloudtasks-queuename': 'chronos',
          'x-cloudtasks-taskname': name.split('/').at(-1) ?? '',
          'x-cloudtasks-taskretrycount': String(retried),
          ...(oidcToken && { authorization: `Bearer ${await sign(oidcToken)}` }),
        },
      })
      await response.arrayBuffer()
      return { status: response.status, retryAfter: null }
    } catch {
      return null
    }
  }

  /** An ID token as Google signs it for a service account; `change` replaces claims. */
  function sign(
    wanted: { serviceAccountEmail: string; audience: string },
    change: Record<string, unknown> = {},
    key = google,
  ): Promise<string> {
    const nowS = Math.floor(Date.now() / 1_000)
    const claims = {
      ...{ iss: 'https://accounts.google.com', aud: wanted.audience, azp: '1', sub: '1' },
      ...{ email: wanted.serviceAccountEmail, email_verified: true, iat: nowS, exp: nowS + 3_600 },
      ...change,
    }
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'JWT' })
      .sign(key.privateKey)
  }

  async function answer(call: StandInCall): Promise<StandInAnswer> {
    calls.push(call)
    if (call.path === '/token') return grant(new URLSearchParams(call.body.toString()))
    if (call.path === '/certs') return { status: 200, body: { keys: [google.jwk] } }
    billed += 1
    const [, token = ''] = /^Bearer (.+)$/.exec(call.headers['authorization'] ?? '') ?? []
    if ((tokens.get(token) ?? 0) <= Date.now())
      return problem(401, 'UNAUTHENTICATED', 'invalid authentication credentials')
    if (!permissions)
      return problem(403, 'PERMISSION_DENIED', 'lacks IAM permission "cloudtasks.tasks.create"')
    if (!call.path.startsWith(`/v2/${queue}/tasks`)) return problem(404, 'NOT_FOUND', 'Queue does not exist.')
    const name = decodeURIComponent(call.path.slice('/v2/'.length))
    if (name === `${queue}/tasks`) return call.method === 'POST' ? create(call) : list()
    const task = tasks.get(name)
    if (!task) return problem(404, 'NOT_FOUND', 'The task does not exist.')
    if (call.method === 'DELETE') forget(name)
    return { status: 200, body: call.method === 'DELETE' ? {} : shown(task) }
  }

  async function grant(form: URLSearchParams): Promise<StandInAnswer> {
    const invalid = (why: string) => ({
      status: 400,
      body: { error: 'invalid_grant', error_description: why },
    })
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return { status: 400, body: { error: 'unsupported_grant_type' } }
    const assertion = form.get('assertion') ?? ''
    try {
      const { payload } = await jwtVerify(assertion, account.publicKey, {
        ...{ algorithms: ['RS256'], issuer: caller, audience: `${server.url}/token` },
        requiredClaims: ['iat', 'exp'],
      })
      if (payload['scope'] !== 'https://www.googleapis.com/auth/cloud-platform') return invalid('the scope')
      if ((payload.exp ?? 0) - (payload.iat ?? 0) > 3_600) return invalid('more than an hour')
    } catch {
      return invalid('Invalid JWT Signature.')
    }
    const token = `ya29.${randomBytes(24).toString('base64url')}`
    tokens.set(token, Date.now() + tokenLifeS * 1_000)
    return { status: 200, body: { access_token: token, expires_in: tokenLifeS, token_type: 'Bearer' } }
  }

  function create({ body }: StandInCall): StandInAnswer {
    const { task } = JSON.parse(body.toString()) as { task?: TaskBody }
    const {
      name = `${queue}/tasks/${randomBytes(8).toString('hex')}`,
      scheduleTime,
      httpRequest,
    } = task ?? {}
    if (!httpRequest?.url) return problem(400, 'INVALID_ARGUMENT', 'HttpRequest.url is required')
    if (!/^[\w-]{1,500}$/.test(name.slice(`${queue}/tasks/`.length)) || !name.startsWith(`${queue}/tasks/`))
      return problem(400, 'INVALID_ARGUMENT', 'Task name is malformed')
    const buriedAt = tombstones.get(name) ?? Number.NEGATIVE_INFINITY
    if (tasks.has(name) || clock.now() - buriedAt < tombstoneMs)
      return problem(
        409,
        'ALREADY_EXISTS',
        'The task cannot be created because a task with this name existed too recently.',
      )
    const wantedMs = scheduleTime === undefined ? clock.now() : Date.parse(scheduleTime)
    if (Number.isNaN(wantedMs) || wantedMs - clock.now() > longestAheadMs)
      return problem(400, 'INVALID_ARGUMENT', 'The scheduleTime is too far in the future')
    const made: Task = {
      ...{ name, url: httpRequest.url, method: httpRequest.httpMethod ?? 'POST', owed: null },
      headers: httpRequest.headers ?? {},
      body: Buffer.from(httpRequest.body ?? '', 'base64'),
      scheduleMs: Math.max(wantedMs, clock.now()),
      oidcToken: httpRequest.oidcToken ?? null,
    }
    tasks.set(name, made)
    made.owed = couriers.owe(name, made.scheduleMs)
    return { status: 200, body: shown(made) }
  }

  function list(): StandInAnswer {
    billed += Math.max(0, tasks.size - 1)
    return { status: 200, body: { tasks: [...tasks.values()].map(shown) } }
  }

  function bury(name: string) {
    tasks.delete(name)
    tombstones.set(name, clock.now())
  }

  function forget(name: string) {
    const owed = tasks.get(name)?.owed
    if (owed) couriers.drop(owed)
    bury(name)
  }

  const server = await startStandInServer(faults, answer, (path) => path === '/certs')
  const keyFile = {
    type: 'service_account',
    ...{
      client_email: caller,
      private_key: await exportPKCS8(account.privateKey),
      private_key_id: account.kid,
    },
    token_uri: `${server.url}/token`,
  }
  return {
    ...{ url: server.url, queue, caller, faults, calls, deliveries, keyFile, sign, forget },
    billed: () => billed,
    stranger: () => makeKey('google'),
    /** What the service is started with. */
    environment: (): Record<string, string> => ({
      CRON_PROVIDER: 'cloud-tasks',
      CLOUD_TASKS_URL: server.url,
      CLOUD_TASKS_QUEUE: queue,
      CLOUD_TASKS_KEY: JSON.stringify(keyFile),
      CLOUD_TASKS_JWKS_URL: `${server.url}/certs`,
    }),
    pending: () => [...tasks.values()],
    /** Whether the service account may create tasks. */
    permit(isAllowed: boolean) {
      permissions = isAllowed
    },
    /** Every access token that was given out ends now. */
    endTokens: () => tokens.clear(),
    assertions: () =>
      calls.flatMap(({ path, body }) =>
        path === '/token' ? [decodeJwt(new URLSearchParams(body.toString()).get('assertion') ?? '')] : [],
      ),
    ...controlsOf({ clock, couriers, server }),
  }
}

type TaskBody = {
  name?: string
  scheduleTime?: string
  httpRequest?: {
    url?: string
    httpMethod?: string
    headers?: Record<string, string>
    body?: string
    oidcToken?: { serviceAccountEmail: string; audience: string }
  }
}

/** Takes a fifth of a second. */
export function makeKeys() {
  return Promise.all([makeKey('account'), makeKey('google')])
}

async function makeKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  return {
    kid,
    publicKey,
    privateKey,
    jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' },
  }
}

function problem(code: number, status: string, message: string): StandInAnswer {
  return { status: code, body: { error: { code, message, status } } }
}

function shown({ name, url, method, scheduleMs }: Task) {
  return {
    name,
    scheduleTime: new Date(scheduleMs).toISOString(),
    httpRequest: { url, httpMethod: method },
    view: 'BASIC',
  }
}

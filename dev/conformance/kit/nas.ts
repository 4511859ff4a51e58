import { randomBytes } from 'node:crypto'
import { createAgent, type Agent } from './agent.ts'
import { type Answer, call } from './http.ts'
import { listAt, textAt } from './json.ts'
import { loginClient, secret } from './login.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProgram } from './program.ts'
import { eventually } from './wait.ts'
import { freePort } from '../../free-port.ts'

/** A timer service as its agent sees it. */
export type Nas = {
  url: string
  issuer: string
  audience: string
  accessToken: string
  /** Whether a library's own User-Agent is refused. */
  hasFirewall: boolean
  agent: Agent
  newJobId: () => string
  /** All that `newJobId` gave out. */
  jobIds: string[]
  provision: (
    jobId: string,
    fireAt: string,
    more?: { callback?: string; headers?: Record<string, string> },
  ) => Promise<Answer>
  cancel: (jobId: string) => Promise<Answer>
  list: () => Promise<Answer>
  rowsOf: (jobId: string) => Promise<unknown[]>
}

export type OwnNas = Nas & {
  firstRefreshToken: string
  /** New keys that sign from now on. */
  rotateKeys: () => Promise<unknown>
  log: () => string
  close: () => Promise<void>
}

type NasNeeds = { url: string; audience: string; accessToken: string; agent: Agent; hasFirewall?: boolean }

export function describeNas({ url, audience, accessToken, agent, hasFirewall = true }: NasNeeds): Nas {
  const base = url.replace(/\/+$/, '')
  const headers = { Authorization: `Bearer ${accessToken}` }
  const list = () => call('GET', `${base}/api/agent-cron/list`, { headers })
  const jobIds: string[] = []
  return {
    url: base,
    issuer: base,
    audience,
    accessToken,
    hasFirewall,
    agent,
    newJobId: () => {
      const id = randomBytes(6).toString('hex')
      jobIds.push(id)
      return id
    },
    jobIds,
    provision: (jobId, fireAt, more = {}) =>
      call('POST', `${base}/api/agent-cron/provision`, {
        headers: { ...headers, ...more.headers },
        json: {
          job_id: jobId,
          fire_at: fireAt,
          agent_callback_url: more.callback ?? agent.url,
          dedup_key: `${jobId}:${fireAt}`,
        },
      }),
    cancel: (jobId) => call('POST', `${base}/api/agent-cron/cancel`, { headers, json: { job_id: jobId } }),
    list,
    rowsOf: async (jobId) =>
      listAt((await list()).body, 'armed').filter((row) => textAt(row, 'job_id') === jobId),
  }
}

/** `npm run nas` as a program of its own, with an agent for it to call. */
export async function startLocalNas(
  file: string,
  args: string[] = [],
  between?: (url: string) => string | Promise<string>,
): Promise<OwnNas> {
  const port = await freePort()
  const accessToken = secret('static')
  const direct = `http://127.0.0.1:${port}`
  const url = between ? await between(direct) : direct
  const program = startProgram(
    [
      file,
      ...[
        '--port',
        String(port),
        '--instance',
        'conformance',
        '--client-id',
        loginClient,
        '--portal-url',
        url,
      ],
      ...['--access-token', accessToken, ...args],
    ],
    { PATH: '/usr/bin:/bin' },
  )
  const agent = await createAgent()
  const isUp = () =>
    call('GET', `${direct}/.well-known/jwks.json`).then(
      ({ status }) => status === 200,
      () => false,
    )
  await eventually(async () => program.hasEnded() || (await isUp()), 20_000)
  if (program.hasEnded()) throw new Error(`the local NAS ended at once:\n${program.log().slice(-1000)}`)
  const login = await call('POST', `${direct}/control/log-in`, { json: {} })
  return {
    ...describeNas({ url, audience: 'agent:conformance', accessToken, agent }),
    firstRefreshToken: textAt(login.body, 'refresh_token'),
    rotateKeys: () => call('POST', `${direct}/control/rotate-keys`, { json: {} }),
    log: program.log,
    async close() {
      await Promise.all([program.stop(), agent.close()])
    },
  }
}

/** The relay as a program of its own (`npm run relay`), with an agent that is registered there. */
export async function startLocalRelay(
  file: string,
  between?: (url: string) => string | Promise<string>,
): Promise<OwnNas> {
  const [port, folder, agent] = await Promise.all([
    freePort(),
    mkdtemp(join(tmpdir(), 'conformance-relay-')),
    createAgent(),
  ])
  const adminSecret = secret('admin')
  const direct = `http://127.0.0.1:${port}`
  const url = between ? await between(direct) : direct
  const program = startProgram([file], {
    PATH: '/usr/bin:/bin',
    PORT: String(port),
    RELAY_URL: url,
    RELAY_DATABASE: join(folder, 'relay.db'),
    RELAY_ADMIN_SECRET: adminSecret,
    RELAY_ALLOW: '127.0.0.0/8',
  })
  const isUp = () =>
    call('GET', `${direct}/healthz`).then(
      ({ status }) => status === 200,
      () => false,
    )
  await eventually(async () => program.hasEnded() || (await isUp()), 20_000)
  if (program.hasEnded()) throw new Error(`the relay ended at once:\n${program.log().slice(-1000)}`)
  const headers = { Authorization: `Bearer ${adminSecret}` }
  // Its agents are the clients of its token endpoint.
  const json = { agent_id: loginClient, callback_urls: [agent.url] }
  const made = await call('POST', `${direct}/agents`, { headers, json })
  const login = await call('POST', `${direct}/agents/${loginClient}/login`, { headers, json: {} })
  const accessToken = textAt(made.body, 'token')
  return {
    ...describeNas({ url, audience: textAt(made.body, 'audience'), accessToken, agent, hasFirewall: false }),
    firstRefreshToken: textAt(login.body, 'refresh_token'),
    // Usually the new key is published five minutes before it signs.
    rotateKeys: () => call('POST', `${direct}/keys/rotate`, { headers, json: { compromised: true } }),
    log: program.log,
    async close() {
      // the host of the worker ends what it has started
      program.signal('SIGTERM')
      await program.endsWithin(10_000)
      await Promise.all([program.stop(), agent.close()])
      await rm(folder, { recursive: true })
    },
  }
}

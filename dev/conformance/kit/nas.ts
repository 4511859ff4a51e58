import { createAgent, type Agent } from './agent.ts'
import { type Answer, call, freePort } from './http.ts'
import { listAt, textAt } from './json.ts'
import { loginClient, secret } from './login.ts'
import { startProgram } from './program.ts'
import { eventually } from './wait.ts'

/** A timer service as its agent sees it. */
export type Nas = {
  url: string
  issuer: string
  audience: string
  accessToken: string
  agent: Agent
  newJobId: () => string
  provision: (
    jobId: string,
    fireAt: string,
    more?: { callback?: string; headers?: Record<string, string> },
  ) => Promise<Answer>
  cancel: (jobId: string) => Promise<Answer>
  list: () => Promise<Answer>
  rowsOf: (jobId: string) => Promise<unknown[]>
}

export type OwnNas = Nas & { firstRefreshToken: string; log: () => string; close: () => Promise<void> }

type NasParts = { url: string; audience: string; accessToken: string; agent: Agent }

export function describeNas({ url, audience, accessToken, agent }: NasParts): Nas {
  const base = url.replace(/\/$/, '')
  const headers = { Authorization: `Bearer ${accessToken}` }
  const list = () => call('GET', `${base}/api/agent-cron/list`, { headers })
  return {
    url: base,
    issuer: base,
    audience,
    accessToken,
    agent,
    newJobId: () =>
      secret('')
        .replaceAll(/[^0-9a-f]/g, '')
        .padEnd(12, '0')
        .slice(0, 12),
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
    log: program.log,
    async close() {
      await Promise.all([program.stop(), agent.close()])
    },
  }
}

import type { Side } from '../../dev/conformance/run.ts'
import type { Tamper } from './proxy.ts'

export type Breakage = {
  /** What is wrong with the service, or with the timer service. */
  wrong: string
  side: Side
  /** Between whom the proxy stands: in front of the service, of the kit's portal, or of the local NAS. */
  place: 'service' | 'portal' | 'nas'
  /** The clauses that have to notice. */
  clauses: string[]
} & Tamper

type Body = Record<string, unknown>

const json = (text: string): Body => JSON.parse(text || '{}')
const changed = (text: string, change: (body: Body) => unknown) => {
  const body = json(text)
  change(body)
  return JSON.stringify(body)
}
const isFire = (path: string) => path === '/api/cron/fire'
const isProvision = (path: string) => path.endsWith('/provision')
const isRefresh = (path: string) => path === '/oauth/token'
const refusal = (path: string) => ({
  status: isRefresh(path) ? 400 : 403,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ error: isRefresh(path) ? 'invalid_grant' : 'invalid_client' }),
})

export const breakages: Breakage[] = [
  {
    wrong: 'the whole route as agent_callback_url, and a dedup_key of its own',
    side: 'service',
    place: 'portal',
    clauses: ['callback-base', 'dedup-key'],
    request(request) {
      if (!isProvision(request.path)) return
      request.body = changed(request.body, (body) => {
        body['agent_callback_url'] = `${String(body['agent_callback_url'])}/api/cron/fire`
        body['dedup_key'] = body['job_id']
      })
    },
  },
  {
    wrong: 'fire_at without an offset, and a field too many',
    side: 'service',
    place: 'portal',
    clauses: ['fire-at-form', 'provision-request'],
    request(request) {
      if (!isProvision(request.path)) return
      request.body = changed(request.body, (body) => {
        body['fire_at'] = String(body['fire_at']).slice(0, 19)
        body['cron'] = '* * * * *'
      })
    },
  },
  {
    wrong: 'a library as User-Agent of a cancel, any media type as its Accept',
    side: 'service',
    place: 'portal',
    clauses: ['call-user-agent', 'call-accept'],
    request({ path, headers }) {
      if (path.endsWith('/cancel')) Object.assign(headers, { 'user-agent': 'node', accept: '*/*' })
    },
  },
  {
    wrong: 'cancels that never arrive, and a list that is never read',
    side: 'service',
    place: 'portal',
    clauses: ['cancel-request', 'list-lost-row'],
    request(request) {
      if (request.path.endsWith('/cancel')) request.path = '/api/agent-cron/nowhere'
    },
    response(response, { path }) {
      if (path.endsWith('/list')) response.status = 404
    },
  },
  {
    wrong: 'the refresh token in the form only',
    side: 'service',
    place: 'portal',
    clauses: ['token-request', 'token-header-only'],
    request({ headers }) {
      delete headers['x-nous-refresh-token']
    },
  },
  {
    wrong: 'what may pass is taken for a refusal for ever',
    side: 'service',
    place: 'portal',
    clauses: [
      ...['transient-500', 'transient-429', 'transient-firewall', 'transient-transport'],
      ...['token-500', 'token-429', 'token-firewall', 'token-transport'],
    ],
    response(response, { path }) {
      if ((isProvision(path) || isRefresh(path)) && response.status > 400)
        Object.assign(response, refusal(path))
    },
    broken: ({ path }) => refusal(path),
  },
  {
    wrong: 'a Retry-After that is not waited for',
    side: 'service',
    place: 'portal',
    clauses: ['transient-429', 'token-429'],
    response({ headers }) {
      delete headers['retry-after']
    },
  },
  {
    wrong: 'any token is good enough',
    side: 'service',
    place: 'service',
    clauses: [
      'token-missing',
      'token-alg-none',
      'token-expired',
      'token-purpose',
      'token-leeway',
      'token-alg-ps',
    ],
    response(response, { path }) {
      if (isFire(path) && response.status === 401) response.status = 200
    },
  },
  {
    wrong: 'no token is good enough',
    side: 'service',
    place: 'service',
    clauses: ['alg-es256', 'alg-eddsa', 'token-audience-list', 'token-other-claims'],
    request(request) {
      if (isFire(request.path)) delete request.headers['authorization']
    },
  },
  {
    wrong: 'one answer to every fire, and 503 without Retry-After',
    side: 'service',
    place: 'service',
    clauses: [
      'accepted',
      'duplicate',
      'not-due',
      'gone',
      'inactive-paused',
      'fires-at-once',
      'database-down',
    ],
    response(response, { path }) {
      delete response.headers['retry-after']
      if (!isFire(path) || response.status > 202) return
      response.status = 200
      response.body = '{"status":"fired"}'
    },
  },
  {
    wrong: 'a body that is not understood is taken, and errors are plain JSON',
    side: 'service',
    place: 'service',
    clauses: ['body-not-json', 'body-without-job', 'body-too-large', 'problem-json'],
    response(response) {
      if (response.headers['content-type']?.startsWith('application/problem'))
        response.headers['content-type'] = 'application/json'
      if ([400, 413].includes(response.status)) response.status = 202
    },
  },
  {
    wrong: 'jobs lack fields, lists are the wrong way round',
    side: 'service',
    place: 'service',
    clauses: ['job-shape', 'schedule-kinds', 'list-order', 'client-job-fields'],
    response(response, { path }) {
      if (!path.startsWith('/api/jobs') || response.status > 299) return
      response.body = changed(response.body, (body) => {
        if (Array.isArray(body['jobs'])) body['jobs'].reverse()
        const job = body['job'] as Body | undefined
        if (!job) return
        for (const field of ['schedule_display', 'repeat', 'origin', 'latest_execution']) delete job[field]
        job['schedule'] = { kind: 'other' }
      })
    },
  },
  {
    wrong: 'the key is not asked for, changes are not compared, deleted jobs are there',
    side: 'service',
    place: 'service',
    clauses: ['key-required', 'change-if-match', 'delete'],
    response(response) {
      if ([401, 404, 412].includes(response.status)) response.status = 200
    },
  },
  {
    wrong: 'runs lack fields, and no conflict is seen',
    side: 'service',
    place: 'service',
    clauses: ['run-shape', 'run-cancel', 'action-headers'],
    response(response, { path }) {
      if (response.status === 409) response.status = 202
      if (path.startsWith('/api/runs/') && response.status === 200)
        response.body = response.body.replaceAll('"attempts"', '"tries"').replaceAll('"slot"', '"due"')
    },
  },
  {
    wrong: 'a run gets no input, and goes on when it is cancelled or its job is deleted',
    side: 'service',
    place: 'service',
    clauses: ['run-input', 'run-cancel', 'delete-cancels-run'],
    request(request) {
      if (request.path.endsWith('/run')) request.body = '{}'
      const isDelete = request.method === 'DELETE' && request.path.startsWith('/api/jobs/')
      if (request.path.endsWith('/cancel') || isDelete) request.path = '/healthz'
      if (request.path === '/healthz') request.method = 'GET'
    },
    response(response, request) {
      if (request.path === '/healthz') response.status = 202
    },
  },
  {
    wrong: 'answers that have the form and say nothing',
    side: 'service',
    place: 'service',
    clauses: ['arm', 'reconcile', 'client-capabilities', 'client-models', 'client-patch', 'status'],
    response(response, { path, method }) {
      if (response.status > 299) return
      if (path.endsWith('/arm')) response.body = '{"armed":true}'
      if (path === '/api/cron/reconcile') response.body = '{"armed":0,"cancelled":0}'
      if (path === '/v1/capabilities') response.body = '{"object":"capabilities"}'
      if (path === '/v1/models') response.body = '{"object":"list","data":[]}'
      if (path === '/api/status') response.body = '{"status":"ok","version":"1","a":1,"b":2,"c":3}'
      if (method === 'PATCH') response.body = '{"job":{}}'
    },
  },
  {
    wrong: 'what other clients send and call is unknown',
    side: 'service',
    place: 'service',
    clauses: ['client-enabled', 'client-repeat', 'client-health', 'client-models', 'client-query'],
    request(request) {
      if (/^\/(health|v1)/.test(request.path)) request.path = '/nowhere'
      if (request.path.includes('?profile')) request.path = '/nowhere'
      if (request.path !== '/api/jobs' || request.method !== 'POST') return
      request.body = changed(request.body, (body) => {
        delete body['enabled']
        delete body['repeat']
      })
    },
  },
  {
    wrong: 'everybody is told everything',
    side: 'service',
    place: 'service',
    clauses: ['status-without-key', 'openapi', 'cors-default'],
    response(response, { path }) {
      response.headers['access-control-allow-origin'] = '*'
      if (path === '/openapi.json') response.body = response.body.replace('"3.1.', '"3.0.')
      if (path === '/api/status')
        response.body = changed(response.body, (body) => Object.assign(body, { jobs: 3 }))
    },
  },
  {
    wrong: 'a timer service that calls the given address, two seconds late, without saying what it holds',
    side: 'nas',
    place: 'nas',
    clauses: ['callback-base', 'fires-at-the-instant', 'list-shape', 'provision-request'],
    request(request) {
      if (!isProvision(request.path)) return
      request.body = changed(request.body, (body) => {
        body['agent_callback_url'] = `${String(body['agent_callback_url'])}/elsewhere`
        body['fire_at'] = new Date(Date.parse(String(body['fire_at'])) + 2000).toISOString()
      })
    },
    response(response, { path }) {
      if (isProvision(path) && response.status === 200) response.body = '{}'
    },
  },
  {
    wrong: 'a timer service that lets everybody in and forgets nothing',
    side: 'nas',
    place: 'nas',
    clauses: ['call-authorization', 'call-user-agent', 'call-accept', 'cancel-request', 'token-rotates'],
    request(request) {
      if (request.path.endsWith('/cancel')) request.body = '{"job_id":"000000000000"}'
    },
    response(response) {
      if ([400, 401, 403].includes(response.status)) response.status = 200
    },
  },
  {
    wrong: 'a timer service whose keys are not those that sign',
    side: 'nas',
    place: 'nas',
    clauses: ['fire-claims', 'jwks-shape'],
    response(response, { path }) {
      if (!path.endsWith('jwks.json')) return
      response.body = changed(response.body, (body) => {
        for (const key of body['keys'] as Body[])
          Object.assign(key, { kid: `not-${String(key['kid'])}`, d: 'secret' })
      })
    },
  },
]

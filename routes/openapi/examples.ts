const job = {
  name: 'nightly build',
  schedule: '0 2 * * *',
  timezone: 'Europe/London',
  action: { type: 'http', url: 'https://ci.example/build', body: { branch: 'main' } },
  retry: { attempts: 3 },
  deliver: { channel: 'team', on: ['failure', 'recovery'] },
}
const { name: _, ...jobOfFile } = job
const file = { owner: 'shop', jobs: { 'nightly-build': jobOfFile } }
const at = '2026-06-18T01:00:00.000Z'
const upcoming = [{ at, local: '2026-06-18 02:00:00' }]

/** By `operationId`. Tests compare them with the schemas, and send the requests to a service. @internal */
export const examples: { [id: string]: { request?: unknown; answer?: unknown } } = {
  createJob: { request: job },
  changeJob: { request: { schedule: 'every weekday at 9am', tags: ['shop'] } },
  pauseJob: { request: { reason: 'the target moves', until: '2031-01-15T14:00:00Z' } },
  runJob: { request: { input: { branch: 'release' } } },
  putJob: { request: { ...jobOfFile, name: job.name } },
  planFile: { request: file },
  applyFile: { request: file },
  previewSchedule: {
    request: { schedule: '0 2 * * *', timezone: 'Europe/London', count: 1 },
    answer: {
      schedule: { kind: 'cron', expr: '0 2 * * *', display: '0 2 * * *' },
      timezone: 'Europe/London',
      description: 'every day at 02:00',
      next: [at],
      upcoming,
    },
  },
  putChannel: {
    request: { type: 'webhook', url: 'https://team.example/chronos', default_on: ['failure', 'recovery'] },
  },
  putSecret: { request: { value: 'a value of at least 8 characters' } },
  createKey: { request: { name: 'ci', scopes: ['runs:start'], expires_in_days: 90 } },
  signIn: { request: { key: 'chr_…' } },
  fire: { request: { job_id: 'ab12cd34ef56', fire_at: '2026-06-18T02:00:00+00:00' } },
  callback: { request: { state: 'succeeded', output: '12 pages' } },
  nextSlots: {
    answer: { job_id: 'ab12cd34ef56', timezone: 'Europe/London', next: [at], upcoming },
  },
  removeJob: { answer: { ok: true, id: 'ab12cd34ef56' } },
  reconcile: { answer: { attended: 0, armed: 1, cancelled: 0, owed: 0, foreign: 0, complete: true } },
  alive: { answer: { status: 'ok' } },
  ready: { answer: { ready: true } },
}

export function exampleOf(id: string, part: 'request' | 'answer'): unknown {
  return examples[id]?.[part]
}

export const eventExample = {
  type: 'run.failed',
  timestamp: '2026-06-18T09:00:01.400Z',
  data: {
    job: { id: 'ab12cd34ef56', name: 'nightly build' },
    run: {
      id: '5b1c2f9e-0a6d-4c1e-9d3a-1f2e3d4c5b6a',
      slot: '2026-06-18T09:00:00.000Z',
      state: 'failed',
      attempt: 1,
      trigger: 'fire',
      started_at: '2026-06-18T09:00:00.100Z',
      finished_at: '2026-06-18T09:00:01.400Z',
      duration_ms: 1300,
    },
    output: null,
    output_truncated: false,
    error: { code: 'HTTP_STATUS', message: 'target https://ci.example answered 500, expected 2xx' },
    skipped_reason: null,
    text: 'nightly build failed',
    link: null,
  },
}

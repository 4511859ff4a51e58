import {
  ChronosError,
  createClient,
  defineJobs,
  verifyWebhook,
  WebhookError,
} from '../../client/src/index.ts'

export type Setting = { url: string; key: string; target: string; prefix: string }

/** What the client is for, by it alone: run by Node and by workerd. Its outcome is JSON. */
export async function scenario({ url, key, target, prefix }: Setting) {
  const chronos = createClient({ url, key })
  const action = { type: 'http' as const, url: `${target}/${prefix}` }
  const { job } = await chronos.jobs.create({ name: `${prefix} job`, schedule: '0 9 * * *', action })
  await chronos.jobs.create({ name: `${prefix} other`, schedule: '0 10 * * *', action })
  const names: string[] = []
  for await (const one of chronos.jobs.list({ q: prefix, limit: 1 })) names.push(one.name)

  const { id } = await chronos.jobs.run(job.id, { a: 1 })
  const events = []
  for await (const event of chronos.runs.follow(id)) events.push(event)
  const run = await chronos.runs.wait(id)

  const refused = await chronos.jobs.change(job.id, { schedule: 'never' }).catch((error: unknown) => error)
  const file = defineJobs({ owner: prefix, jobs: { [`${prefix}-key`]: { schedule: '0 9 * * *', action } } })
  const plan = await chronos.plan(file)
  const applied = await chronos.apply(file, { plan: plan.plan })
  return {
    names,
    types: events.map(({ type }) => type),
    log: events.map((event) => (event.type === 'log' ? event.text : '')).join(''),
    state: run.state,
    refused: refused instanceof ChronosError ? [refused.status, refused.code] : String(refused),
    planned: plan.changes.map(({ what }) => what),
    made: applied.made,
    webhook: await forged(),
  }
}

async function forged(): Promise<string> {
  const headers = {
    'webhook-id': 'a',
    'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
    'webhook-signature': 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=',
  }
  const secret = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'
  try {
    await verifyWebhook({ body: '{}', headers, secret })
    return 'verified'
  } catch (error) {
    return error instanceof WebhookError ? error.name : String(error)
  }
}

/** What comes of it, whatever runs it. */
export const outcomeOf = (prefix: string) => ({
  names: [`${prefix} other`, `${prefix} job`],
  types: ['log', 'end'],
  log: 'ok',
  state: 'succeeded',
  refused: [400, 'SCHEDULE_INVALID'],
  planned: ['make'],
  made: 1,
  webhook: 'WebhookError',
})

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
    ...(await managed({ chronos, prefix, runId: id, jobId: job.id })),
  }
}

type Managed = { chronos: ReturnType<typeof createClient>; prefix: string; runId: string; jobId: string }

/** Secrets, keys, channels, projects and overviews; lists with pages of one. */
async function managed({ chronos, prefix, runId, jobId }: Managed) {
  const name = prefix.toUpperCase()
  for (const one of [`${name}_A`, `${name}_B`])
    await chronos.secrets.put(one, 'https://hooks.slack.com/services/T/B/1')
  const ours = (names: string[]) => names.filter((one) => one.toUpperCase().startsWith(name)).toSorted()
  const secrets = ours((await chronos.secrets.list({ limit: 1 }).all()).map((one) => one.name))
  await chronos.secrets.remove(`${name}_B`)
  const made = await chronos.keys.create({ name: `${prefix} key`, scopes: ['jobs:read'] })
  const revoked = await chronos.keys.revoke(made.key.id)
  const keys = ours((await chronos.keys.list({ limit: 1 }).all()).map((one) => one.name))
  for (const one of ['a', 'b'])
    await chronos.channels.put(`${prefix}-${one}`, { type: 'slack', url: `{{secrets.${name}_A}}` })
  const channels = ours((await chronos.channels.list({ limit: 1 }).all()).map((one) => one.name))
  for (const one of ['a', 'b']) await chronos.channels.remove(`${prefix}-${one}`)
  await chronos.projects.put(prefix, { jobs: 3 })
  const paused = await chronos.projects.pause(prefix, { reason: 'for now' })
  const resumed = await chronos.projects.resume(prefix)
  const projects = ours((await chronos.projects.list()).map((one) => one.name))
  await chronos.projects.remove(prefix)
  const actions = new Set<string>()
  for await (const { action } of chronos.audit({ limit: 7 })) actions.add(action)
  const slots = await chronos.jobs.slots(jobId, { limit: 1 }).all()
  const list = await chronos.preview(['0 9 * * 1', '0 18 * * 5'], { timezone: 'UTC' })
  return {
    ...{ secrets, keys, channels, projects },
    revoked: revoked.revoked_at !== null,
    quotas: [paused.quotas.jobs, paused.paused_reason, resumed.paused],
    audited: ['putSecret', 'createKey', 'putChannel', 'pauseProject'].every((one) => actions.has(one)),
    slots: slots.length,
    whole: await chronos.runs.log(runId),
    deliveries: [
      (await chronos.deliveries({ limit: 1 }).all()).length,
      (await chronos.runs.deliveries(runId)).length,
    ],
    overviews: [
      typeof (await chronos.timeline()).now,
      (await chronos.failures()).failures.length,
      (await chronos.costs()).days.length > 0,
      (await chronos.jobs.days(jobId)).length,
      (await chronos.jobs.arm(jobId)).armed,
    ],
    exported: Object.keys((await chronos.export({ owner: prefix })).file.jobs),
    preview: list.upcoming.length > 0,
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
  secrets: [`${prefix.toUpperCase()}_A`, `${prefix.toUpperCase()}_B`],
  keys: [`${prefix} key`],
  channels: [`${prefix}-a`, `${prefix}-b`],
  projects: [prefix],
  revoked: true,
  quotas: [3, 'for now', false],
  audited: true,
  slots: 0,
  whole: 'ok',
  deliveries: [0, 0],
  overviews: ['string', 0, true, 1, true],
  exported: [`${prefix}-key`],
  preview: true,
})

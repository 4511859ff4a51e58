// `npm run pictures`: each page of the page, light, dark and on a phone, into docs/pictures/. From the story beside this
// file at a fixed instant, so that a picture only changes when its page does.
//   --folder FOLDER: another one, which is emptied as well; --only NAME: this page alone
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { phone, type Reader, startReader } from '../../test/support/browser.ts'
import { keyOf } from '../../test/support/key.ts'
import { type Service, startService } from '../../test/support/service.ts'
import { until } from '../../test/support/until.ts'
import { tellStory } from './story.ts'

const { values } = parseArgs({ options: { folder: { type: 'string' }, only: { type: 'string' } } })
const folder = values.folder ?? fileURLToPath(new URL('../../docs/pictures/', import.meta.url))
const now = new Date('2026-11-26T10:12:00Z')
const forms = [
  { form: 'light', dark: false, size: { width: 1200, height: 780 } },
  { form: 'dark', dark: true, size: { width: 1200, height: 780 } },
  { form: 'phone', dark: false, size: phone },
] as const

async function main() {
  const service = await startService({
    clock: now,
    env: { ENCRYPTION_KEY: keyOf('pictures').toString('base64') },
  })
  const reader = await startReader(service)
  try {
    const all = await addresses(service)
    const pages = all.filter(([name]) => values.only === undefined || name === values.only)
    if (pages.length === 0) throw new Error(`--only: one of ${all.map(([name]) => name).join(', ')}`)
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    let bytes = 0
    let count = 0
    for (const [name, path] of pages) {
      // last, because each view names the projects as soon as there are several
      if (name === 'projects') await makeProjects(service)
      for (const one of name === 'projects' ? forms.slice(0, 1) : forms) {
        bytes += await take(reader, { name, path, ...one })
        count++
      }
    }
    console.log(`${count} pictures, ${Math.round(bytes / 1024)} KiB`)
  } finally {
    await reader.close()
    await service.close()
  }
}

/** The story, and what a picture needs besides: a run of today, a channel, a secret, a key. */
async function addresses({
  api,
  database,
  target,
  makeJob,
}: Service): Promise<[name: string, path: string][]> {
  await api('PUT', '/api/channels/team', {
    type: 'webhook',
    url: 'https://example.com/hook',
    default_on: ['failure'],
  })
  await api('PUT', '/api/secrets/BANK_TOKEN', { value: 'not shown' })
  await api('POST', '/api/keys', { name: 'the deploy', scopes: ['jobs:write'] })
  const told = await tellStory(api, database.sql, now)
  target.behave('/hook', { does: 'echo' })
  const job = (await makeJob({ name: 'Reminders', tags: ['mail'] })) as { id: string }
  const started = await api('POST', `/api/jobs/${job.id}/run`, { input: { until: '2026-11-30' } })
  const { run } = started.body as { run: { id: string } }
  await until('the run has ended', async () => {
    const answer = await api('GET', `/api/runs/${run.id}`)
    return (answer.body as { run: { finished_at: string | null } }).run.finished_at
  })
  const list = ['jobs', 'make', 'cost', 'channels', 'secrets', 'keys', 'audit']
  return [
    ['now', '/'],
    ['job', `/jobs/${told.get('Shop export')}`],
    ['run', `/runs/${run.id}`],
    ...[...list, 'projects'].map((name): [string, string] => [name, `/${name}`]),
  ]
}

/** Two besides that of every service: one with quotas, one that is paused. */
async function makeProjects({ api, database: { sql } }: Service) {
  await api('PUT', '/api/projects/billing', { jobs: 20, runs_per_minute: 60, places: 4 })
  await api('PUT', '/api/projects/imports', { jobs: 10 })
  await sql`update jobs set project = 'billing' where tags @> '{billing}'`
  await sql`update jobs set project = 'imports' where tags @> '{import}' and project = 'default'`
  await api('POST', '/api/projects/imports/pause', { reason: 'The provider is moving its data' })
}

type Shot = { name: string; path: string } & (typeof forms)[number]

async function take(reader: Reader, { name, path, form, dark, size }: Shot): Promise<number> {
  const { page, context } = await reader.open(path, {
    ...{ dark, size },
    prepare: (it) => it.clock.setFixedTime(now),
  })
  await page.getByRole('heading', { level: 1 }).waitFor()
  await page.waitForLoadState('networkidle')
  const file = join(folder, `${name}-${form}.png`)
  await writeFile(file, await page.screenshot({ animations: 'disabled' }))
  await context.close()
  return (await stat(file)).size
}

await main()
process.exit()

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Json, type Service, startService } from '../support/service.ts'
import { readPage, tableUnder } from '../docs/pages.ts'
import { readCommands, readCurl } from '../docs/shell.ts'
import { clockOf, lastRun, runsOf } from './setup.ts'
import { until } from '../support/until.ts'

// docs/policies.md shows a job under each heading, and a table of what becomes of it. Both are played here.

const page = readPage('docs/policies.md')
const day = (time: string) => `2026-06-18T${time}Z`

/** Its clock is set; `live` is on the clock of the wall, because waits are waited for there. */
let service: Service
let live: Service
before(async () => {
  service = await startService({ clock: day('09:00:30') })
  live = await startService()
})
after(() => Promise.all([service.close(), live.close()]))

/** The job that the section shows, changed by `more`, with its target instead of the one on the page. */
async function makeShown(
  on: Service,
  heading: string,
  more: object = {},
): Promise<{ job: Json; path: string }> {
  const [, section = ''] = page.text.split(new RegExp(`^## ${heading}$`, 'm'))
  const [, code = ''] = /^```sh\n([^]*?)^```$/m.exec(section) ?? []
  const [command] = readCommands(code, { API_KEY: 'not used' })
  assert.ok(command, `${heading} shows a job`)
  const fields = JSON.parse(readCurl(command.words).body ?? '') as { name: string; action: object }
  const path = `/${fields.name}-${(made += 1)}`
  const action = { ...fields.action, url: `${on.target.url}${path}` }
  return { job: await on.makeJob({ ...fields, ...more, action }), path }
}
let made = 0

async function fireAt(job: Json, time: string): Promise<void> {
  service.setClock(day(time))
  assert.ok((await service.fire({ job_id: job.id, fire_at: day(time) })).status < 300)
}

const callsOf = (path: string) => service.target.calls.filter((call) => call.path === path)
const bare = (cell: string) => cell.replaceAll('`', '').replace(' (default)', '')

test('the retries are those of the table', async () => {
  const { job, path } = await makeShown(live, 'Retry')
  live.target.behave(path, { does: 'status', value: 500, times: 2 })
  await live.api('POST', `/api/jobs/${job.id}/run`)
  const run = await lastRun(live, job.id)
  const [, section = ''] = page.text.split(/^## Retry$/m)
  const [own = ''] = section.split(/^## /m)
  const rows = [...own.matchAll(/^\| (\d) \| `(\w+)` \|$/gm)]
  assert.deepEqual(
    (run.attempts as Json[]).map(({ attempt, state }) => [String(attempt), state]),
    rows.map(([, attempt, state]) => [attempt, state]),
  )
  assert.equal(run.state, 'succeeded')
})

for (const [name = '', ...states] of tableUnder(page, 'Overlap').slice(1))
  test(`overlap ${bare(name)}: the slots are those of the table`, async () => {
    service.setClock(day('09:00:30'))
    const { job, path } = await makeShown(service, 'Overlap', { overlap: bare(name) })
    service.target.behave(path, { does: 'hang' })
    for (const [index, time] of ['09:01:00', '09:02:00', '09:03:00'].entries()) {
      await fireAt(job, time)
      if (['running', 'cancelled'].includes(states[index] ?? ''))
        await until('the call', () => callsOf(path).length > index)
    }
    const runs = await runsOf(service, job.id)
    assert.deepEqual(
      runs.map(({ state }) => state),
      states,
    )
    for (const { id, finished_at: finishedAt } of runs)
      if (finishedAt === null) await service.api('POST', `/api/runs/${id}/cancel`)
  })

for (const [name = '', ...verdicts] of tableUnder(page, 'Catch-up').slice(1))
  test(`catch_up ${bare(name)}: the slots are those of the table`, async () => {
    service.setClock(day('09:00:30'))
    const { job } = await makeShown(service, 'Catch-up', { catch_up: bare(name) })
    await fireAt(job, '09:04:10')
    await lastRun(service, job.id, verdicts.filter((verdict) => verdict === 'ran').length)
    const { body } = await service.api('GET', `/api/jobs/${job.id}/slots?from=${day('09:00:00')}`)
    assert.deepEqual(
      (body.slots as Json[]).map(({ slot, verdict }) => `${clockOf(slot)} ${verdict}`),
      verdicts.map((verdict, index) => `09:0${index + 1} ${verdict}`),
    )
  })

test('the shorter of two time limits applies', async () => {
  const { job, path } = await makeShown(live, 'Time limits')
  live.target.behave(path, { does: 'hang' })
  await live.api('POST', `/api/jobs/${job.id}/run`)
  const run = await lastRun(live, job.id)
  assert.deepEqual([run.state, run.error.code], ['timed_out', 'TIMEOUT'])
})

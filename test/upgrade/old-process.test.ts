import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../dev/free-port.ts'
import { startNas } from '../../dev/nas/index.ts'
import { startTarget } from '../../dev/target/index.ts'
import { type ServiceProcess, startProcess } from '../../dev/torture/process.ts'
import { createTestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

// As in a rolling deploy: the last source before a migration runs beside this one, on the database that this one has migrated.

const root = fileURLToPath(new URL('../../', import.meta.url))
const git = (...args: string[]) =>
  execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()

/** The commit before the one that made `path`; null: this is no clone, or one without its history. */
function commitBefore(path: string): string | null {
  try {
    const made = git('log', '--diff-filter=A', '--format=%H', '--', path).split('\n').at(-1)
    return made ? git('rev-parse', '--verify', `${made}^`) : null
  } catch {
    return null
  }
}

function treeOf(commit: string): string {
  const tree = mkdtempSync(join(tmpdir(), 'chronos-old-'))
  const archive = execFileSync(
    'git',
    ['-C', root, 'archive', commit, 'src', 'db', 'routes', 'package.json'],
    {
      maxBuffer: 100 * 1024 * 1024,
    },
  )
  execFileSync('tar', ['-x', '-C', tree], { input: archive })
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
  after(() => rmSync(tree, { recursive: true }))
  return tree
}

for (const migration of ['0016_projects', '0017_page']) {
  const commit = commitBefore(`db/migrations/${migration}.sql`)
  const skip = commit === null && 'the history of the repository is not here'
  test(`a process from before ${migration} beside this version: nothing is lost, and nothing runs twice`, {
    skip,
  }, async (t) => {
    const database = await createTestDatabase()
    const nas = await startNas({ time: 'wall', fireTimeoutMs: 10_000 })
    const target = await startTarget()
    const ports = [await freePort(), await freePort()] as const
    const env = {
      DATABASE_URL: database.url,
      TARGET_ALLOW: '127.0.0.0/8',
      CALLBACK_URL: `http://127.0.0.1:${ports[1]}`,
      ...nas.environment(),
    }
    const processes: ServiceProcess[] = []
    t.after(async () => {
      for (const { child } of processes) child.kill('SIGKILL')
      await Promise.all(processes.map(({ ended }) => ended))
      await Promise.all([nas.close(), target.close()])
      await database.drop()
    })
    for (const tree of [treeOf(commit as string), root])
      processes.push(await startProcess(ports[processes.length] as number, env, tree))
    const [old, current] = processes as [ServiceProcess, ServiceProcess]
    const both = [old, current]

    const make = async ({ api }: ServiceProcess, fields: object) => {
      const job = { name: 'a job', action: { type: 'http', url: `${target.url}/hook` }, ...fields }
      const { status, body } = await api('POST', '/api/jobs', job)
      assert.equal(status, 201, JSON.stringify(body))
      return (body['job'] as { id: string }).id
    }
    const fire = ({ url }: ServiceProcess, id: string) =>
      nas.sendFire({ url: `${url}/api/cron/fire`, body: { job_id: id } })
    const callsOf = (id: string) =>
      target.calls.filter(({ headers }) => headers['x-chronos-job'] === id).length
    const stateOf = async (id: string) =>
      (await database.sql`select state, rev from job_runtime where job_id = ${id}`)[0]?.['state'] as string

    // what one made, either claims, and of many fires at both one
    const ids = await Promise.all(
      Array.from({ length: 12 }, (_, n) => make(both[n % 2] as ServiceProcess, { schedule: 'in 2s' })),
    )
    await until('each job has run', async () => {
      await Promise.all(ids.flatMap((id) => both.map((one) => fire(one, id))))
      return ids.every((id) => callsOf(id) > 0)
    })
    await Promise.all(ids.flatMap((id) => both.map((one) => fire(one, id))))
    await until('each job is over', async () =>
      (await Promise.all(ids.map(stateOf))).every((state) => state === 'completed'),
    )
    assert.deepEqual(
      ids.map(callsOf),
      ids.map(() => 1),
    )

    // changes of one hold for the other
    for (const [changes, claims] of [both, both.toReversed()] as [ServiceProcess, ServiceProcess][]) {
      const id = await make(changes, { schedule: 'every 1h' })
      assert.equal((await claims.api('POST', `/api/jobs/${id}/pause`, {})).status, 200)
      const due = `update job_runtime set next_slot = clock_timestamp() - interval '1 s', wake_at = clock_timestamp(), rev = rev + 1 where job_id = '${id}'`
      await database.sql.unsafe(due)
      await fire(changes, id)
      assert.equal(callsOf(id), 0, 'a pause of one is honoured by the other')
      assert.equal((await changes.api('POST', `/api/jobs/${id}/resume`, {})).status, 200)
      assert.equal((await claims.api('PATCH', `/api/jobs/${id}`, { schedule: 'every 2h' })).status, 200)
      const seen = (await changes.api('GET', `/api/jobs/${id}`)).body['job'] as {
        schedule: { display: string }
      }
      assert.equal(seen.schedule.display, 'every 2h')
      assert.equal((await changes.api('POST', `/api/jobs/${id}/run`, {})).status, 202)
      await until('the run by hand has ended', async () => {
        const { body } = await claims.api('GET', `/api/jobs/${id}/runs`)
        return (body['runs'] as { state: string }[]).some(({ state }) => state === 'succeeded')
      })
      assert.equal(callsOf(id), 1)
    }

    // what the old one made is of the project that is there without saying so
    const projects = await database.sql`select distinct project from jobs`
    assert.deepEqual(
      projects.map(({ project }) => project as string),
      ['default'],
    )
  })
}

import { randomBytes } from 'node:crypto'
import { median, reach, show, table } from './numbers.ts'
import { start } from './process.ts'
import { apiKey, serviceEnv, type World } from './world.ts'

const jobs = 1_000
const rounds = 5
/** What people wait for when they apply a file. */
const mostMs = 2_000

type Take = { bare: number; plan: number; make: number; change: number; same: number; remove: number }

/** 11. A file of a thousand jobs, applied through the API, beside one insert of as many rows of the same documents. */
export async function apply(world: World): Promise<string> {
  const takes: Take[] = []
  for (let round = 0; round < rounds; round++) takes.push(await takeOnce(world))
  const of = (name: keyof Take) => median(takes.map((take) => take[name]))
  const bare = of('bare')
  const row = (title: string, name: keyof Take) => {
    const ms = of(name)
    const aim = name === 'make' || name === 'change' ? ` (${reach(ms, { most: mostMs })})` : ''
    return [title, `${show(ms)}${aim}`, `${show(ms / bare)} ×`]
  }
  return [
    `A file of ${jobs.toLocaleString('en-US')} jobs, each of which names a secret and a channel, and every fifth of which follows another one; one request each, to a process of its own with the local NAS, which is asked for each wake-up before the answer. Beside it one insert of ${jobs.toLocaleString('en-US')} rows of the same documents into a plain table, in its own transaction. Median of ${rounds} rounds, taken in turn.`,
    '',
    table(
      ['', 'ms', 'of the bare insert'],
      [
        ['one insert of as many rows', show(bare), ''],
        row('planned', 'plan'),
        row('applied: all made, with their wake-ups', 'make'),
        row('applied: all changed, with their wake-ups', 'change'),
        row('applied again: nothing to do', 'same'),
        row('applied with `prune`: all removed', 'remove'),
      ],
    ),
  ].join('\n')
}

async function takeOnce({ database: newDatabase, nas: newNas, programs, keys }: World): Promise<Take> {
  const [database, nas] = [await newDatabase(), await newNas()]
  const running = await start({
    program: programs.server,
    env: {
      ...serviceEnv(database, nas, keys),
      NODE_COMPILE_CACHE: programs.cache,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    },
  })
  async function timed(method: string, path: string, body: unknown): Promise<number> {
    const startedAt = performance.now()
    const answer = await fetch(running.url + path, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 300)}`)
    return performance.now() - startedAt
  }
  await timed('PUT', '/api/secrets/TOKEN', { value: 'a-token-of-some-length' })
  await timed('PUT', '/api/channels/team', { type: 'slack', url: 'https://hooks.slack.com/services/a' })
  const [first, second] = [fileOf(0), fileOf(30)]
  const take = {
    bare: await insertBare(database.sql, first),
    plan: await timed('POST', '/api/plan', first),
    make: await timed('POST', '/api/apply', first),
    change: await timed('POST', '/api/apply', second),
    same: await timed('POST', '/api/apply', second),
    remove: await timed('POST', '/api/apply?prune=true', { owner: 'bench', jobs: {} }),
  }
  await running.stop()
  await nas.stop()
  await database.drop()
  return take
}

function fileOf(minute: number) {
  const entries = Array.from({ length: jobs }, (_, n) => [
    `job-${n}`,
    {
      ...(n % 5 === 4
        ? { after: { job: `job-${n - 1}` } }
        : { schedule: `${(minute + n) % 60} ${n % 24} * * *` }),
      timezone: 'Europe/Berlin',
      deliver: { channel: 'team' },
      action: {
        ...{ type: 'http', url: `https://shop.example/${n}?minute=${minute}` },
        headers: { authorization: 'Bearer {{secrets.TOKEN}}' },
      },
    },
  ])
  return { owner: 'bench', jobs: Object.fromEntries(entries) as Record<string, object> }
}

async function insertBare(
  sql: Awaited<ReturnType<World['database']>>['sql'],
  { jobs: documents }: ReturnType<typeof fileOf>,
): Promise<number> {
  await sql`create table bare (id text primary key, document jsonb not null)`
  const rows = Object.entries(documents).map(([id, document]) => ({ id, document }))
  const startedAt = performance.now()
  await sql`
    insert into bare select id, document
    from jsonb_to_recordset(${sql.json(rows as never)}) as given(id text, document jsonb)`
  return performance.now() - startedAt
}

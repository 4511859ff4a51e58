import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { keyOf } from '../support/key.ts'
import { startService } from '../support/service.ts'

const service = await startService({ env: { ENCRYPTION_KEY: keyOf('tells nobody').toString('base64') } })
after(service.close)
const { api, database, target } = service

const url = `${target.url}/hook`
async function channel(name: string, more: object = {}, project = 'default') {
  const body = { type: 'webhook', url, ...more }
  const { status } = await api('PUT', `/api/channels/${name}`, body, { 'chronos-project': project })
  assert.equal(status, 201)
}

/** Everything that a job may say of its receivers, and what was stored before a schema knew better. */
const delivers: unknown[] = [
  ...[
    null,
    [],
    '',
    'none',
    'local',
    ' Origin ',
    'all',
    'ALL',
    'team',
    ' TEAM\t',
    'team,none',
    'news, nowhere',
  ],
  ...['off', 'unknown', 'unknown,off', 'te am', 'te-am', 'tele:-100', ['team', 'unknown'], ['unknown']],
  ...['success', 'failure', 'always', ['success', 'failure'], ['recovery'], ['always', 'changed']].flatMap(
    (on) => [
      ...[
        { channel: 'team', on },
        { channel: 'all', on },
        { channel: 'none', on },
        { channel: 'off', on },
      ],
      ...[
        { type: 'webhook', url, on },
        [
          { channel: 'team', on: 'success' },
          { type: 'slack', url, on },
        ],
      ],
      ...[
        [{ channel: 'off', on }, 'off'],
        [{ channel: 'unknown', on }, 'Unknown , x'],
        [{ channel: 'team', on }, 'team'],
      ],
    ],
  ),
  ...[
    { channel: 'team' },
    { channel: 'all' },
    { channel: 'local' },
    { type: 'healthcheck', url },
    [{ type: 'slack' }],
  ],
  ...[{ channel: 7, type: 'slack' }, { channel: null, type: 'slack' }, { url }, 7, [null, 7, true], {}],
]

type Listed = { id: string; tells_nobody: boolean }

async function listed(query: string): Promise<Listed[]> {
  const found: Listed[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body } = await api('GET', `/api/jobs?limit=7&${query}${cursor && `&cursor=${cursor}`}`)
    assert.equal(status, 200, JSON.stringify(body))
    found.push(...body.jobs)
    cursor = body.next_cursor
  }
  return found
}

/** Those that the filter finds are those whose field says so, in every order and on every page. */
async function compare(what: string) {
  const all = await listed('state=all')
  const silent = all.filter((job) => job.tells_nobody).map(({ id }) => id)
  assert.ok(silent.length > 0 && silent.length < all.length, what)
  const found = async (query: string) => (await listed(`tells_nobody=true&${query}`)).map(({ id }) => id)
  assert.deepEqual(await found('state=all'), silent, what)
  assert.deepEqual((await found('state=all&order=next')).toSorted(), silent.toSorted(), `${what}, ordered`)
}

test('the filter finds the jobs that tell no one, whatever they say of receivers and whatever channels there are', async () => {
  await api('PUT', '/api/projects/other', {})
  for (const project of ['default', 'other'])
    for (const [n, deliver] of delivers.entries()) {
      const job = await service.makeJob({ name: `${project} ${n}`, schedule: 'every day at 09:00' })
      await database.sql`
        update jobs set project = ${project}, deliver = ${deliver === null ? null : database.sql.json(deliver as never)}
        where id = ${job.id}`
    }
  await compare('without a channel')
  await channel('team')
  await channel('te-am', { default_on: ['success'] })
  await channel('off', { default_on: ['failure'] })
  await compare('with channels')
  await database.sql`update channels set disabled_at = now(), disabled_reason = 'gone' where name = 'off'`
  await compare('with one that is off')
  await channel('news', { default_on: ['failure'] })
  await compare('with one that is told of failures')
  await channel('team', {}, 'other')
  await channel('tele--100', { default_on: ['always'] }, 'other')
  await compare('with those of another project')
})

test('what the filter leaves out because of its state is counted', async () => {
  const { id } = (await listed('tells_nobody=true'))[0] ?? { id: '' }
  const silent = (await listed('tells_nobody=true')).length
  await api('POST', `/api/jobs/${id}/pause`, {})
  const { body } = await api('GET', '/api/jobs?tells_nobody=true')
  assert.deepEqual([body.jobs.length, body.hidden], [silent - 1, 1])
})

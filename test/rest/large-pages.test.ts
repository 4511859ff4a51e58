import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Service, startService } from '../support/service.ts'

let service: Service
before(async () => {
  service = await startService({ begin: false })
})
after(() => service.close())

const large = 'x'.repeat(240_000)

/** Every id of a list by following its cursors, with the size of the largest page. */
async function follow(
  path: string,
  name: 'jobs' | 'runs',
): Promise<{ ids: string[]; pages: number; largest: number }> {
  const found = { ids: [] as string[], pages: 0, largest: 0 }
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body } = await service.api('GET', `${path}${cursor && `&cursor=${cursor}`}`)
    assert.equal(status, 200)
    found.pages += 1
    found.largest = Math.max(found.largest, JSON.stringify(body).length)
    found.ids.push(...(body[name] as { id: string }[]).map(({ id }) => id))
    cursor = body.next_cursor
  }
  return found
}

test('a page of large jobs ends before the memory does, and its cursor leads on to every one', async () => {
  const made: string[] = []
  for (let n = 0; n < 40; n++) {
    const action = { type: 'http', url: 'https://example.com/', body: large }
    made.push((await service.makeJob({ action })).id)
  }
  const { ids, pages, largest } = await follow('/api/jobs?limit=1000', 'jobs')
  assert.deepEqual(ids, made.toReversed())
  assert.ok(pages >= 4, `${pages} pages`)
  assert.ok(largest < 5 * 1024 * 1024, `${largest} characters`)
})

test('a page of runs with large inputs ends likewise, and small ones still come in one page', async () => {
  const { id } = await service.makeJob()
  await service.database.sql`
    insert into runs (job_id, id, trigger, state, attempt, fence, claimed_at, finished_at, input, attempts)
    select ${id}, gen_random_uuid(), 'manual', 'cancelled', 1, 1, now(), now(),
      case when n <= 40 then to_jsonb(${large}::text) end, '[]'
    from generate_series(1, 340) n`
  const all = await follow(`/api/jobs/${id}/runs?limit=1000`, 'runs')
  assert.equal(new Set(all.ids).size, 340)
  assert.ok(all.largest < 5 * 1024 * 1024, `${all.largest} characters`)
  const { body } = await service.api('GET', `/api/jobs/${id}/runs?limit=300`)
  assert.equal(body.runs.length, 300)
})

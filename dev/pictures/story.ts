import type postgres from 'postgres'

/** As much of a service as is needed: a call with an API key that may do everything. */
type Api = (
  method: string,
  path: string,
  body?: unknown,
) => Promise<{ status: number; body: { job: { id: string } } & Record<string, unknown> }>

type Story = {
  name: string
  schedule: string
  timezone?: string
  tags: string[]
  /** Of a run, usually. */
  tookMs: number
  /** For how long of that a process was up, if its target reports later. */
  upMs?: number
  /** Of a hundred slots, those that failed. */
  fails?: number
  cause?: [code: string, message: string]
  /** Times a day; less than one: every so many days. */
  daily: number
  /** When on its day, in its zone. */
  at?: string
  weekdays?: boolean
  more?: Record<string, unknown>
}

const stories: readonly Story[] = [
  {
    at: '02:30',
    name: 'Database backup',
    schedule: 'every day at 02:30',
    timezone: 'Europe/Berlin',
    tags: ['nightly', 'database'],
    tookMs: 754_000,
    daily: 1,
  },
  {
    at: '09:00',
    weekdays: true,
    name: 'Invoices to the bank',
    schedule: 'every weekday at 9am',
    timezone: 'Europe/Berlin',
    tags: ['billing'],
    tookMs: 42_000,
    daily: 1,
    fails: 4,
    cause: ['HTTP_STATUS', 'target https://example.com answered 502, expected 2xx'],
    more: { retry: { attempts: 3 } },
  },
  {
    name: 'Exchange rates',
    schedule: 'every 30m',
    tags: ['billing', 'import'],
    tookMs: 900,
    daily: 48,
    fails: 1,
    cause: ['TIMEOUT', 'no answer within 30 s'],
  },
  {
    at: '07:15',
    weekdays: true,
    name: 'Morning briefing',
    schedule: 'every weekday at 7:15am',
    timezone: 'America/New_York',
    tags: ['prompts'],
    tookMs: 18_500,
    daily: 1,
    more: { jitter_ms: 5_000 },
  },
  {
    name: 'Search index',
    schedule: 'every 2h',
    tags: ['import'],
    tookMs: 7_900_000,
    upMs: 60_000,
    daily: 12,
  },
  {
    at: '12:00',
    name: 'Certificate check',
    schedule: 'every day at 12:00',
    tags: ['watch'],
    tookMs: 1_300,
    daily: 1,
  },
  {
    at: '08:00',
    name: 'Weekly report',
    schedule: '0 8 * * 1',
    timezone: 'Asia/Tokyo',
    tags: ['reports'],
    tookMs: 64_000,
    daily: 0.14,
  },
  {
    at: '04:00',
    name: 'Clean-up of uploads',
    schedule: 'every day at 04:00',
    tags: ['nightly'],
    tookMs: 210_000,
    daily: 1,
    fails: 2,
    cause: ['HTTP_STATUS', 'target https://example.com answered 502, expected 2xx'],
  },
  {
    name: 'Shop export',
    schedule: 'every hour',
    tags: ['billing', 'export'],
    tookMs: 12_000,
    daily: 24,
    fails: 12,
    cause: ['HTTP_STATUS', 'target https://example.com answered 500, expected 2xx'],
  },
  {
    at: '10:00',
    name: 'Newsletter',
    schedule: '0 10 * * 2,4',
    timezone: 'Europe/London',
    tags: ['mail'],
    tookMs: 96_000,
    daily: 0.3,
  },
]

/** The id of each job, by its name. */
export type Told = Map<string, string>

/**
 * Makes ten jobs, and a year of history for each up to `now`: the same for the same `now`, so that pictures of it only
 * change when the page does. The runs of the last days are there one by one, older ones as the sums of their days.
 */
export async function tellStory(api: Api, sql: postgres.Sql, now: Date): Promise<Told> {
  const told: Told = new Map()
  for (const [index, story] of stories.entries()) {
    const id = await make(api, story)
    told.set(story.name, id)
    await days(sql, { id, story, now, seed: index })
    await runs(sql, { id, story, now, seed: index })
  }
  await serviceDays(sql, now)
  await failing(sql, told.get('Shop export') ?? '', now)
  await running(sql, told.get('Search index') ?? '', now)
  await unsent(sql, told.get('Invoices to the bank') ?? '', now)
  const paused = told.get('Newsletter')
  await api('POST', `/api/jobs/${paused}/pause`, { reason: 'Until the new template is ready' })
  return told
}

async function make(api: Api, { name, schedule, timezone, tags, more }: Story): Promise<string> {
  const url = `https://example.com/${name.toLowerCase().replaceAll(' ', '-')}`
  const action = { type: 'http', url, method: 'POST' }
  const body = { name, schedule, tags, action, timezone: timezone ?? 'UTC', ...more }
  const answer = await api('POST', '/api/jobs', body)
  if (answer.status !== 201) throw new Error(`${name}: ${answer.status} ${JSON.stringify(answer.body)}`)
  return answer.body.job.id
}

type Past = { id: string; story: Story; now: Date; seed: number }

/** A number from 0 to 99 for each row, which looks random and is not. */
const chance = (seed: number) => `abs(hashint4(n * 31 + ${seed})) % 100`

async function days(sql: postgres.Sql, { id, story, now, seed }: Past) {
  const { daily, fails = 0, tookMs, upMs = tookMs } = story
  await sql.unsafe(
    `insert into job_days (job_id, day, runs_succeeded, runs_failed, slots_ran, slots_missed, slots_skipped, attempts,
       duration_ms, duration_counts, lateness_ms, awake_ms)
     select $1, ($2::timestamptz at time zone 'utc')::date - n, ran - failed, failed, ran, missed, 0, ran, ran * $3::bigint,
       '{}', ran * 180, ran * ${upMs}::bigint
     from generate_series(3, 364) n,
       lateral (select extract(isodow from ($2::timestamptz at time zone 'utc')::date - n) as dow) w,
       lateral (select case when ${daily} >= 1 then ${Math.round(daily)} when n % ${Math.max(1, Math.round(1 / daily))} = 0 then 1 else 0 end as ran) r,
       lateral (select case when ${chance(seed)} < ${fails} then least(ran, 1 + n % 3) else 0 end as failed,
         case when ${chance(seed + 50)} = 0 then 1 else 0 end as missed) f
     where ran > 0 and (not ${story.weekdays ?? false} or dow < 6)`,
    [id, now, tookMs],
  )
}

/** The slot before `now` ($2) that is the n-th, as the schedule names them. */
function slotOf({ daily, at, timezone = 'UTC' }: Story): string {
  if (!at)
    return `to_timestamp(floor(extract(epoch from $2::timestamptz) / ${86_400 / daily}) * ${86_400 / daily}) - (n - 1) * interval '1 day' / ${daily}`
  const step = Math.max(1, Math.round(1 / daily))
  return `((($2::timestamptz at time zone '${timezone}')::date - n * ${step}) + time '${at}') at time zone '${timezone}'`
}

async function runs(sql: postgres.Sql, { id, story, now, seed }: Past) {
  const {
    daily,
    fails = 0,
    tookMs,
    upMs = tookMs,
    cause = ['HTTP_STATUS', 'target https://example.com answered 500, expected 2xx'],
  } = story
  const count = Math.min(160, Math.max(12, Math.round(daily * 3)))
  await sql.unsafe(
    `insert into runs (id, seq, job_id, slot, trigger, state, fence, attempt, claimed_at, started_at, finished_at,
       error_code, error_message, attempts)
     select gen_random_uuid(), extract(epoch from at) * 1000000, $1, at, 'fire',
       case when bad then 'failed' else 'succeeded' end, 1, 1, at + late, at + late, at + late + took,
       case when bad then $3 end, case when bad then $4 end,
       jsonb_build_array(jsonb_build_object('attempt', 1, 'fence', 1, 'started_at', at + late,
         'state', case when bad then 'failed' else 'succeeded' end,
         'finished_at', at + late + least(took, make_interval(secs => ${upMs / 1000})), 'error', null))
     from generate_series(1, ${count}) n,
       lateral (select ${slotOf(story)} as at, ${chance(seed)} < ${fails} as bad,
         make_interval(secs => (${chance(seed + 7)}) * 0.012 + 0.05) as late,
         make_interval(secs => ${tookMs / 1000} * (0.8 + (${chance(seed + 3)}) * 0.005)) as took) t
     where not ${story.weekdays ?? false} or extract(isodow from at) < 6`,
    [id, now, cause[0], cause[1]],
  )
}

async function serviceDays(sql: postgres.Sql, now: Date) {
  await sql`insert into busy_days (job_id, day, awake_ms) select job_id, day, awake_ms from job_days on conflict do nothing`
  await sql`
    insert into service_days (day, runs_succeeded, runs_failed, slots_ran, attempts, duration_ms, awake_ms)
    select day, sum(runs_succeeded), sum(runs_failed), sum(slots_ran), sum(attempts), sum(duration_ms), sum(awake_ms)
    from job_days group by day on conflict do nothing`
  await sql`
    insert into process_days (day, awake_ms, starts, fires)
    select (${now}::timestamptz at time zone 'utc')::date - n, 2_400_000 + abs(hashint4(n)) % 2_400_000,
      70 + abs(hashint4(n)) % 15, 92
    from generate_series(0, 60) n on conflict do nothing`
}

/** Its last three runs failed. */
async function failing(sql: postgres.Sql, id: string, now: Date) {
  await sql`
    update runs set state = 'failed', error_code = 'HTTP_STATUS',
      error_message = 'target https://example.com answered 500, expected 2xx'
    where job_id = ${id} and slot > ${now}::timestamptz - interval '3 hours'`
  await sql`
    update job_runtime set failure_streak = 3, last_status = 'error', last_run_at = ${now}::timestamptz - interval '1 hour',
      last_error = 'HTTP_STATUS: target https://example.com answered 500, expected 2xx'
    where job_id = ${id}`
}

async function running(sql: postgres.Sql, id: string, now: Date) {
  await sql`
    insert into runs (id, job_id, slot, trigger, state, fence, attempt, claimed_at, started_at, owner, lease_until)
    values (gen_random_uuid(), ${id}, date_trunc('second', ${now}::timestamptz) - interval '11 minutes', 'fire', 'running',
      1, 1, ${now}::timestamptz - interval '11 minutes', ${now}::timestamptz - interval '11 minutes', 'another machine',
      ${now}::timestamptz + interval '1 day')`
}

async function unsent(sql: postgres.Sql, id: string, now: Date) {
  await sql`
    insert into deliveries (id, run_id, job_id, target, event, state, attempt, error_code, error_message, created_at, finished_at)
    select gen_random_uuid(), id, job_id, '{"type": "slack", "url": "https://hooks.slack.com/services/…"}', 'failure', 'failed', 5,
      'HTTP_STATUS', 'https://hooks.slack.com answered 404: channel_not_found', ${now}::timestamptz - interval '3 hours',
      ${now}::timestamptz - interval '2 hours'
    from runs where job_id = ${id} order by seq desc limit 1`
}

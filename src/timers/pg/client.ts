import {
  createRefusal,
  failure,
  type Query,
  type TimerAnswer,
  type TimerCalls,
  type TimerFailure,
} from '../index.ts'
import { beginningOf } from '../../ground/text.ts'
import { jobName, schedules, type Script } from './script.ts'

type PgClientNeeds = {
  query: Query
  script: Script
  log: { info(fields: object, message: string): void; warn(fields: object, message: string): void } & {
    error(fields: object, message: string): void
  }
}

/** `failure`: what the last look said, if it failed. */
type Held = { version: string; schedule: string; failure: string | null }
/** Null: it is not there. False: this role may not use it. */
type Host = {
  database: string
  role: string
  cron_database: string | null
  cron: boolean | null
  net: boolean | null
}

const standing = `select timer.version, job.schedule, case when look.status = 'failed' then look.return_message end as failure
  from chronos_timer timer, cron.job left join lateral (
    select status, return_message from cron.job_run_details detail
    where detail.jobid = job.jobid and status in ('succeeded', 'failed') order by runid desc limit 1) look on true
  where job.jobname = ${jobName} and job.active and job.database = current_database()`

const mayUse = (schema: string, name: string) => `(
  select bool_or(has_schema_privilege(n.oid, 'usage') and has_function_privilege(p.oid, 'execute'))
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = '${schema}' and p.proname = '${name}')`
const host = `select current_database() as database, current_user as role,
  case when pg_has_role('pg_read_all_settings', 'usage') then current_setting('cron.database_name', true) end as cron_database,
  ${mayUse('cron', 'schedule')} as cron, ${mayUse('net', 'http_post')} as net`

/** pg_cron writes down each look, 17,280 a day, and keeps them for ever. */
const prune = `delete from cron.job_run_details detail using cron.job
  where detail.jobid = job.jobid and job.jobname = ${jobName} and detail.end_time < now() - interval '1 day'`

/**
 * pg_cron reads the wake times where they are, so an arm is the proof that its row looks without failing, and there is
 * nothing to cancel.
 * What is missing is made again. A process of before a change, which is on its way down, does not undo it: only a boot
 * (`list`) brings the function, the address and the key up to date.
 */
export function createPgClient({ query, script, log }: PgClientNeeds): TimerCalls {
  const refusal = createRefusal({ says: 'Postgres cannot be the timer', log })

  /** What pg_cron runs; null: nothing, or something else. */
  async function held(): Promise<Held | null> {
    try {
      const [row] = await query(standing)
      return (row as Held | undefined) ?? null
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  async function setUp(): Promise<TimerAnswer<null>> {
    const [row] = await query(host)
    const lacking = lackingOf(row as Host)
    if (lacking) return lacking
    await query(script.sql)
    const schedule = (await held())?.schedule
    if (schedule === schedules.old)
      log.warn({ schedule }, 'this pg_cron cannot look each 5 s (1.5 can): wake-ups are up to a minute late')
    else log.info({ schedule }, 'pg_cron looks for due jobs')
    return done
  }

  const asking = (work: () => Promise<TimerAnswer<null>>) =>
    refusal.unlessRefused(() => work().catch((error: unknown) => failureOf(error)))

  return {
    async arm() {
      const answer = await asking(async () => {
        const found = await held()
        return found ? proofOf(found) : setUp()
      })
      return answer.ok ? { ok: true, value: { scheduleId: null } } : answer
    },
    cancel: async () => done,
    list: () =>
      asking(async () => {
        if ((await held())?.version !== script.version) return setUp()
        await query(prune)
        return done
      }),
    refusal: refusal.get,
    session: () => (refusal.get() ? 'terminal' : 'valid'),
  }
}

const done = { ok: true as const, value: null }

/** A row whose looks fail wakes no one: pg_cron cannot connect, or the function cannot call. */
function proofOf({ failure: said }: Held): TimerAnswer<null> {
  if (said === null) return done
  return failure('transient', 'PG_LOOK_FAILED', `the last look failed: ${beginningOf(said.trim(), 200)}`)
}

function lackingOf({ database, role, cron_database: home, cron, net }: Host): TimerFailure | null {
  if (cron === null) {
    const isElsewhere = home !== null && home !== database
    const remedy = isElsewhere
      ? `It works in the database ${home} (cron.database_name): give this service that database`
      : 'As a superuser, in the database that cron.database_name names: create extension pg_cron'
    return failure('refused', 'PG_NO_CRON', `pg_cron is not installed in the database ${database}. ${remedy}`)
  }
  if (net === null)
    return failure(
      'refused',
      'PG_NO_NET',
      `pg_net is not installed in the database ${database}. As a superuser: create extension pg_net`,
    )
  if (cron && net) return null
  const schema = cron ? 'net' : 'cron'
  return forbidden(
    `${role} may not call the functions of the schema ${schema}. As a superuser: grant usage on schema ${schema} to ${role}; ` +
      `grant execute on all functions in schema ${schema} to ${role}`,
  )
}

function forbidden(message: string): TimerFailure {
  return failure('refused', 'PG_FORBIDDEN', message)
}

/** insufficient_privilege, undefined_table (of a schema that is not there as well): `setUp` says which of them it is. */
function isMissing(error: unknown): boolean {
  return ['42501', '42P01'].includes(codeOf(error))
}

function failureOf(error: unknown): TimerFailure {
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'DATABASE_UNAVAILABLE') return failure('transient', 'PG_UNREACHABLE', message)
  if (code === '42501') return forbidden(message)
  return failure('transient', 'PG_FAILED', code ? `${code}: ${message}` : message)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

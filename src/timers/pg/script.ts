import { createHash } from 'node:crypto'
import { halvesOf } from './key.ts'
import { issuer } from './token.ts'

/** Looks are seconds apart; pg_cron before 1.5 knows minutes alone. */
export const schedules = { usual: '5 seconds', old: '* * * * *' }
/** A fire boots a machine. */
const fireTimeoutMs = 30_000
const tokenLifeS = 300
/**
 * Of one look, as many as a process takes at once (src/run/fire-limits.ts). Those beyond it are called at their next
 * instant for a call, or are found by any fire when they are late by a minute.
 */
const callsMax = 10_000
const lock = 4_927_146_804

/** In SQL: the name of our row in `cron.job`. Two services may share a database, in a schema each. */
export const jobName = `('chronos.' || current_schema())`

/**
 * How often a job that has been due for so many seconds should have been called: at once, after 10 s, 30 s, 70 s, 150 s and
 * 310 s, then each 10 minutes from its instant on.
 */
const callsDue = (seconds: string) =>
  `width_bucket(${seconds}, array[0, 10, 30, 70, 150, 310]::float8[]) + greatest(0, floor(${seconds} / 600))`

/**
 * What Postgres runs in place of a timer service. The wake times of the jobs are all that it needs: it keeps nothing
 * for a job, only when it looked last. A job is called if an instant for a call lies between the last look and this one, so
 * that a job that is not taken is called again with growing gaps, and a look that fails takes nothing with it.
 *
 * The key is in a table that only its owner may read (row security without a policy, for hosts that grant each new table
 * to others), and not in the command, which `cron.job` and `cron.job_run_details` show.
 */
const objects = `
create table if not exists chronos_timer (
  id        int         not null default 1,
  version   text        not null,
  fire_url  text        not null,
  inner_key bytea       not null,
  outer_key bytea       not null,
  looked_at timestamptz not null default 'epoch',
  constraint chronos_timer_pkey primary key (id),
  constraint chronos_timer_one check (id = 1)
);
alter table chronos_timer enable row level security;

create or replace function chronos_calls_due(late interval) returns integer
language sql immutable as $body$
  select ${callsDue('extract(epoch from late)::float8')}
$body$;

create or replace function chronos_fire_token(timer chronos_timer) returns text
language plpgsql as $body$
declare
  now_s bigint := extract(epoch from clock_timestamp());
  claims text := jsonb_build_object('iss', '${issuer}', 'aud', timer.fire_url, 'purpose', 'cron_fire',
    'iat', now_s, 'exp', now_s + ${tokenLifeS})::text;
  signed text := chronos_base64url(convert_to('{"alg":"HS256","typ":"JWT"}', 'UTF8'))
    || '.' || chronos_base64url(convert_to(claims, 'UTF8'));
begin
  return signed || '.' || chronos_base64url(
    sha256(timer.outer_key || sha256(timer.inner_key || convert_to(signed, 'UTF8'))));
end
$body$;

create or replace function chronos_base64url(bytes bytea) returns text
language sql immutable as $body$
  select translate(encode(bytes, 'base64'), E'+/=\\n', '-_')
$body$;

-- Calls the jobs that are due; how many there were. The functions that it calls are found by its own search_path. One probe of an index if none is.
create or replace function chronos_look(at timestamptz default clock_timestamp()) returns integer
language plpgsql set search_path from current as $body$
declare
  timer chronos_timer;
  headers jsonb;
  calls integer;
begin
  if not exists (select from job_runtime where wake_at <= at) then
    return 0;
  end if;
  select * into strict timer from chronos_timer for update;
  headers := jsonb_build_object('Content-Type', 'application/json',
    'Authorization', 'Bearer ' || chronos_fire_token(timer));
  select count(net.http_post(
      url := timer.fire_url,
      body := jsonb_build_object('job_id', due.job_id, 'fire_at', due.wake_at),
      headers := headers,
      timeout_milliseconds := ${fireTimeoutMs}))
    into calls
    from (
      select job_id, wake_at from job_runtime
      where wake_at <= at
        -- a wake time that has moved since the last look has not been called
        and chronos_calls_due(at - wake_at) > case when wake_changed_at > timer.looked_at then 0
          else chronos_calls_due(timer.looked_at - wake_at) end
      order by wake_at limit ${callsMax}
    ) due;
  update chronos_timer set looked_at = at;
  return calls;
end
$body$;
`

const inCron = `
do $body$
declare
  command text := format('select %I.chronos_look()', current_schema());
begin
  perform cron.unschedule(jobid) from cron.job where jobname = ${jobName};
  begin
    perform cron.schedule(${jobName}, '${schedules.usual}', command);
  exception when invalid_parameter_value or internal_error then
    perform cron.schedule(${jobName}, '${schedules.old}', command);
  end;
end
$body$;
`

export type Script = { version: string; sql: string }

/**
 * Makes all of it, or brings it up to date, in one implicit transaction. Values are in hex: whatever the session's settings
 * are, they are read as they were written. Any number may run at once.
 */
export function scriptFor(wanted: { fireUrl: string; key: Buffer }): Script {
  const version = createHash('sha256').update(sqlOf(wanted, '')).digest('hex')
  return { version, sql: sqlOf(wanted, version) }
}

function sqlOf({ fireUrl, key }: { fireUrl: string; key: Buffer }, version: string): string {
  const { inner, outer } = halvesOf(key)
  const hex = (bytes: Buffer) => `decode('${bytes.toString('hex')}', 'hex')`
  const row = `
insert into chronos_timer (version, fire_url, inner_key, outer_key)
values ('${version}', convert_from(${hex(Buffer.from(fireUrl))}, 'UTF8'), ${hex(inner)}, ${hex(outer)})
on conflict (id) do update set version = excluded.version, fire_url = excluded.fire_url,
  inner_key = excluded.inner_key, outer_key = excluded.outer_key;
`
  return `select pg_advisory_xact_lock(${lock});${objects}${row}${inCron}`
}

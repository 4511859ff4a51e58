/**
 * The parts of pg_cron and pg_net that can be seen in SQL, as both publish them (citusdata/pg_cron 1.6, supabase/pg_net
 * 0.20): tables, functions, grants, what is refused. Without their workers, which dev/pg-timer/index.ts stands in for.
 * `version` 1.4: the one of Debian 12, which knows no seconds.
 */
export const cronSql = (version: '1.4' | '1.6') => `
create schema cron;
create sequence cron.jobid_seq;
create table cron.job (
  jobid    bigint  primary key default nextval('cron.jobid_seq'),
  schedule text    not null,
  command  text    not null,
  nodename text    not null default 'localhost',
  nodeport int     not null default 5432,
  database text    not null default current_database(),
  username text    not null default current_user,
  active   boolean not null default true,
  jobname  text,
  constraint jobname_username_uniq unique (jobname, username)
);
grant select on cron.job to public;
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);

create sequence cron.runid_seq;
create table cron.job_run_details (
  jobid          bigint,
  runid          bigint primary key default nextval('cron.runid_seq'),
  job_pid        integer,
  database       text,
  username       text,
  command        text,
  status         text,
  return_message text,
  start_time     timestamptz,
  end_time       timestamptz
);
grant select, delete on cron.job_run_details to public;
alter table cron.job_run_details enable row level security;
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

create function cron.schedule(job_name text, schedule text, command text) returns bigint
language plpgsql security definer as $$
declare
  fields text[] := regexp_split_to_array(trim(schedule), '\\s+');
  given bigint;
begin
  if not (array_length(fields, 1) = 5 and schedule ~ '^[0-9*/,$ -]+$'
    ${version === '1.6' ? "or schedule ~ '^([1-9]|[1-5][0-9]) seconds?$'" : ''}) then
    raise exception 'invalid schedule: %', schedule
      using errcode = '${version === '1.6' ? 'invalid_parameter_value' : 'internal_error'}';
  end if;
  insert into cron.job as j (schedule, command, jobname, username)
  values (schedule, command, job_name, session_user)
  on conflict (jobname, username) do update set schedule = excluded.schedule, command = excluded.command
  returning j.jobid into given;
  return given;
end
$$;

create function cron.unschedule(job_id bigint) returns boolean
language plpgsql security definer as $$
begin
  delete from cron.job where jobid = job_id and username = session_user;
  if not found then
    raise exception 'could not find valid entry for job %', job_id;
  end if;
  return true;
end
$$;
`

export const netSql = `
create schema net;
create unlogged table net.http_request_queue (
  id                   bigserial,
  method               text not null,
  url                  text not null,
  headers              jsonb,
  body                 bytea,
  timeout_milliseconds int  not null
);
create unlogged table net._http_response (
  id           bigint,
  status_code  integer,
  content_type text,
  headers      jsonb,
  content      text,
  timed_out    bool,
  error_msg    text,
  created      timestamptz not null default now()
);
create function net.http_post(
  url text, body jsonb default '{}', params jsonb default '{}',
  headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds int default 5000
) returns bigint
language plpgsql as $$
declare
  request_id bigint;
begin
  if headers ->> 'Content-Type' is distinct from 'application/json' then
    raise exception 'Content-Type header must be "application/json"';
  end if;
  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  values ('POST', url, headers, convert_to(body::text, 'UTF8'), timeout_milliseconds)
  returning id into request_id;
  return request_id;
end
$$;
grant usage on schema net to public;
grant all on all sequences in schema net to public;
grant all on all tables in schema net to public;
`

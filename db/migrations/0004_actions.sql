-- What a run does and whom it tells: secrets, channels, deliveries, logs, chains, and who may ask for it.

alter table jobs
  add column after_job text,                          -- whose outcome starts this one
  add column after_on  text[],                        -- by which outcomes: succeeded, failed
  drop constraint jobs_schedule_kind,
  add constraint jobs_schedule_kind check (schedule ->> 'kind' in ('cron', 'interval', 'once', 'after')),
  add constraint jobs_after_fkey foreign key (after_job) references jobs (id),
  add constraint jobs_after_whole check ((after_job is null) = (after_on is null)),
  add constraint jobs_after_other check (after_job <> id),
  add constraint jobs_after_schedule check (schedule ->> 'kind' <> 'after' or after_job is not null);
create index jobs_after on jobs (after_job) where after_job is not null;

alter table job_runtime
  add column output_hash text;                        -- of the newest successful output, for deliveries `on: changed`

-- `waiting`: the target has taken the work and reports its outcome later, at the latest at callback_until.
alter table runs
  add column usage jsonb,                             -- what the attempt used: tokens, cost
  add column callback_until timestamptz,
  drop constraint runs_state,
  add constraint runs_state check (state in ('claimed', 'running', 'waiting', 'succeeded', 'failed', 'timed_out', 'interrupted', 'cancelled', 'skipped')),
  drop constraint runs_trigger,
  add constraint runs_trigger check (trigger in ('fire', 'manual', 'catch_up', 'builtin', 'retry', 'after')),
  drop constraint runs_finished,
  add constraint runs_finished check ((state in ('claimed', 'running', 'waiting')) = (finished_at is null)),
  add constraint runs_waiting check ((state = 'waiting') = (callback_until is not null) and (state <> 'waiting' or lease_until is null));
drop index runs_live;
create index runs_live on runs (job_id) where state in ('claimed', 'running', 'waiting');

-- The outbox: what is to be told, made in the statement that settles the run, so none is lost.
create table deliveries (
  id            uuid        not null,                 -- stable over all tries: receivers tell a repeat by it
  seq           bigint      generated always as identity,
  run_id        uuid        not null,
  job_id        text        not null,
  target        jsonb       not null,                 -- whom: a channel's name, a spec without secrets, or a job to start
  event         text        not null,
  state         text        not null,
  attempt       integer     not null default 0,       -- tries begun; the number of the newest is its fence
  due_at        timestamptz,                          -- when the next try is due; null while one is held, and at the end
  owner         text,
  lease_until   timestamptz,
  error_code    text,
  error_message text,
  created_at    timestamptz not null default clock_timestamp(),
  finished_at   timestamptz,
  constraint deliveries_pkey primary key (id),
  constraint deliveries_run_fkey foreign key (run_id) references runs (id) on delete cascade,
  constraint deliveries_job_fkey foreign key (job_id) references jobs (id) on delete cascade,
  constraint deliveries_event check (event in ('success', 'failure', 'recovery')),
  constraint deliveries_state check (state in ('pending', 'delivered', 'failed')),
  constraint deliveries_finished check ((state = 'pending') = (finished_at is null)),
  constraint deliveries_lease check ((lease_until is null) = (owner is null)),
  constraint deliveries_owed check ((state = 'pending') = (num_nonnulls(due_at, lease_until) = 1))
);
create unique index deliveries_seq on deliveries (seq);
create index deliveries_run on deliveries (run_id);
create index deliveries_pending on deliveries (job_id) where state = 'pending';

-- What an attempt wrote: its first and its last bytes, and how many there were in all.
create table attempt_logs (
  run_id     uuid        not null,
  attempt    integer     not null,
  job_id     text        not null,
  head       bytea       not null,
  tail       bytea       not null default '',
  total      bigint      not null,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint attempt_logs_pkey primary key (run_id, attempt),
  constraint attempt_logs_run_fkey foreign key (run_id) references runs (id) on delete cascade,
  constraint attempt_logs_job_fkey foreign key (job_id) references jobs (id) on delete cascade,
  constraint attempt_logs_total check (total >= length(head) + length(tail))
);
create index attempt_logs_job on attempt_logs (job_id, created_at);

-- Values are sealed, bound to their names; nothing of them is ever given out again.
create table secrets (
  name       text        not null,
  sealed     text        not null,
  version    integer     not null default 1,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  constraint secrets_pkey primary key (name),
  constraint secrets_name_form check (name ~ '^[A-Z][A-Z0-9_]{0,63}$'),
  constraint secrets_sealed_form check (sealed ~ '^v[0-9]+\.[0-9a-f]+\.')
);

create table channels (
  name            text        not null,
  type            text        not null,
  sealed          text        not null,               -- the whole configuration
  default_on      text[],                             -- jobs that name no delivery tell this channel of these outcomes
  disabled_at     timestamptz,
  disabled_reason text,
  created_at      timestamptz not null default clock_timestamp(),
  updated_at      timestamptz not null default clock_timestamp(),
  constraint channels_pkey primary key (name),
  constraint channels_name_form check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  constraint channels_sealed_form check (sealed ~ '^v[0-9]+\.[0-9a-f]+\.'),
  constraint channels_disabled_whole check ((disabled_at is null) = (disabled_reason is null))
);
create index channels_default on channels (name) where default_on is not null;

create table api_keys (
  id           text        not null,
  name         text        not null,
  hash         text        not null,                  -- SHA-256, hex, of the whole key
  scopes       text[]      not null,
  created_by   text        not null,
  created_at   timestamptz not null default clock_timestamp(),
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  constraint api_keys_pkey primary key (id),
  constraint api_keys_id_form check (id ~ '^[0-9a-f]{12}$'),
  constraint api_keys_hash_form check (hash ~ '^[0-9a-f]{64}$'),
  constraint api_keys_scopes check (scopes <@ array['jobs:read', 'jobs:write', 'runs:start', 'admin'] and scopes <> '{}')
);

-- Every change that somebody asked for: written before it is carried out, and how it was answered after.
create table audit (
  id         bigint      generated always as identity,
  at         timestamptz not null default clock_timestamp(),
  actor      text        not null,
  action     text        not null,
  target     text,
  status     integer,                                 -- null: the process did not live to say
  request_id text,
  detail     jsonb,
  constraint audit_pkey primary key (id)
);
create index audit_actor on audit (actor, id);
create index audit_action on audit (action, id);

-- What a person set (authored). Nothing here changes because time passes or a run ends.
create table jobs (
  id            text        not null,
  seq           bigint      generated always as identity,
  name          text        not null,
  schedule      jsonb       not null,               -- {kind, text, expr | every_ms | run_at, display}
  timezone      text        not null,
  anchor        timestamptz not null,               -- lattice start of an interval
  prompt        text,
  skills        text[]      not null default '{}',
  deliver       jsonb,
  action        jsonb       not null,
  policy        jsonb       not null default '{}',  -- overlap, catch-up, retry … ; an absent key means its default
  repeat_times  integer,
  tags          text[]      not null default '{}',
  version       bigint      not null default 1,     -- ETag; +1 with every change that a client makes
  created_at    timestamptz not null default clock_timestamp(),
  updated_at    timestamptz not null default clock_timestamp(),
  constraint jobs_pkey primary key (id),
  constraint jobs_id_form check (id ~ '^[0-9a-f]{12}$'),
  constraint jobs_name_length check (length(name) between 1 and 200),
  constraint jobs_schedule_kind check (schedule ->> 'kind' in ('cron', 'interval', 'once')),
  constraint jobs_action_type check (action ? 'type'),
  constraint jobs_repeat_positive check (repeat_times > 0)
);
create unique index jobs_seq on jobs (seq);
create index jobs_tags on jobs using gin (tags);

-- What the service keeps (runtime): everything that a claim or an arm depends on, in one row per job, so that one
-- compare-and-set on rev decides. Every transition of the job or of its live runs adds 1 to rev.
create table job_runtime (
  job_id          text        not null,
  rev             bigint      not null default 1,
  state           text        not null default 'scheduled',
  next_slot       timestamptz,                       -- the first slot without a verdict; null: none is left
  last_slot       timestamptz,                       -- the newest slot with a verdict: at or before it, all are spoken for
  slots_used      integer     not null default 0,    -- slots that became runs; counts against repeat_times
  fence           bigint      not null default 0,    -- the newest claim's number
  paused_at       timestamptz,
  paused_reason   text,
  resume_at       timestamptz,                       -- when a timed pause ends by itself
  failure_streak  integer     not null default 0,
  last_run_at     timestamptz,
  last_status     text,
  last_error      text,
  -- wake time, and what the timer service was last confirmed to hold
  wake_at         timestamptz,
  wake_gen        bigint      not null default 1,
  wake_changed_at timestamptz not null default clock_timestamp(),
  armed_gen       bigint      not null default 0,
  armed_at        timestamptz,                       -- the fire_at that was confirmed; null: nothing is armed
  armed_schedule  text,                              -- NAS's schedule_id
  recent_arms     timestamptz[] not null default '{}', -- fire_at values used lately: a new one never repeats them
  arm_lease_by    text,
  arm_lease_until timestamptz,
  arm_error       text,
  arm_failed_at   timestamptz,
  constraint job_runtime_pkey primary key (job_id),
  constraint job_runtime_job_fkey foreign key (job_id) references jobs (id) on delete cascade,
  constraint job_runtime_state check (state in ('scheduled', 'paused', 'completed', 'error')),
  constraint job_runtime_last_status check (last_status in ('ok', 'error')),
  constraint job_runtime_slots_ordered check (next_slot > last_slot),
  constraint job_runtime_paused check ((state = 'paused') = (paused_at is not null)),
  constraint job_runtime_resume check (resume_at is null or state = 'paused'),
  constraint job_runtime_gen check (armed_gen <= wake_gen),
  constraint job_runtime_arm_lease check ((arm_lease_by is null) = (arm_lease_until is null)),
  constraint job_runtime_counts check (slots_used >= 0 and failure_streak >= 0 and fence >= 0)
);
create index job_runtime_owed on job_runtime (job_id) where armed_gen < wake_gen;
create index job_runtime_wake on job_runtime (wake_at) where wake_at is not null;

create table runs (
  id             uuid        not null,
  seq            bigint      generated always as identity,
  job_id         text        not null,
  slot           timestamptz,                        -- null: a manual run, or a retry of a finished one
  trigger        text        not null,
  state          text        not null,
  reason         text,                               -- why skipped, cancelled …
  fence          bigint      not null,
  attempt        integer     not null default 1,
  owner          text,                               -- machine id : boot id of the process that holds the lease
  lease_until    timestamptz,
  attempt_due_at timestamptz,                        -- when the next attempt is due; null while one is held
  claimed_at     timestamptz not null default clock_timestamp(),
  started_at     timestamptz,
  finished_at    timestamptz,
  attempts       jsonb       not null default '[]',  -- the finished ones, oldest first
  input          jsonb,
  error_code     text,
  error_message  text,
  output         text,
  constraint runs_pkey primary key (id),
  constraint runs_job_fkey foreign key (job_id) references jobs (id) on delete cascade,
  constraint runs_job_slot unique (job_id, slot),
  constraint runs_state check (state in ('claimed', 'running', 'succeeded', 'failed', 'timed_out', 'interrupted', 'cancelled', 'skipped')),
  constraint runs_trigger check (trigger in ('fire', 'manual', 'catch_up', 'builtin', 'retry')),
  constraint runs_finished check ((state in ('claimed', 'running')) = (finished_at is null)),
  constraint runs_lease check ((lease_until is null) = (owner is null) and (lease_until is null or finished_at is null)),
  constraint runs_running_leased check (state <> 'running' or lease_until is not null),
  constraint runs_attempt_positive check (attempt >= 1)
);
create unique index runs_seq on runs (seq);
create index runs_job_seq on runs (job_id, seq);
create index runs_live on runs (job_id) where state in ('claimed', 'running');

-- Slots that never became a run, folded: every nominal slot of `rule` in [first_slot, last_slot] has this verdict.
create table folded_slots (
  id          bigint      generated always as identity,
  job_id      text        not null,
  first_slot  timestamptz not null,
  last_slot   timestamptz not null,
  count       integer     not null,
  verdict     text        not null,
  reason      text        not null,
  rule        jsonb       not null,                  -- {schedule, timezone, anchor} as they were
  recorded_at timestamptz not null default clock_timestamp(),
  constraint folded_slots_pkey primary key (id),
  constraint folded_slots_job_fkey foreign key (job_id) references jobs (id) on delete cascade,
  constraint folded_slots_span check (first_slot <= last_slot and count >= 1),
  constraint folded_slots_verdict check (verdict in ('skipped', 'missed', 'superseded', 'cancelled'))
);
create index folded_slots_job on folded_slots (job_id, last_slot);

-- The story of the last arms of a job, for people; nothing is decided by it.
create table arms (
  id          bigint      generated always as identity,
  job_id      text        not null,
  gen         bigint      not null,
  fire_at     timestamptz,                           -- null: a cancel
  asked_at    timestamptz not null default clock_timestamp(),
  took_ms     integer     not null,
  outcome     text        not null,
  schedule_id text,
  error_code  text,
  error       text,
  constraint arms_pkey primary key (id),
  constraint arms_job_fkey foreign key (job_id) references jobs (id) on delete cascade,
  constraint arms_outcome check (outcome in ('armed', 'cancelled', 'failed'))
);
create index arms_job on arms (job_id, id);

-- Jobs that are gone while NAS may still hold an arm of theirs: what may be cancelled there, and what is still owed.
create table orphans (
  job_id       text        not null,
  deleted_at   timestamptz not null default clock_timestamp(),
  cancelled_at timestamptz,
  constraint orphans_pkey primary key (job_id)
);
create index orphans_owed on orphans (job_id) where cancelled_at is null;

create table idempotency_keys (
  key        text        not null,
  body_hash  text        not null,
  job_id     text        not null,
  created_at timestamptz not null default clock_timestamp(),
  constraint idempotency_keys_pkey primary key (key),
  constraint idempotency_keys_job_fkey foreign key (job_id) references jobs (id) on delete cascade
);
create index idempotency_keys_job on idempotency_keys (job_id);

-- Small things learnt or noted by a process for the next one (how this NAS behaves, the built-in ticker's heartbeat …).
create table facts (
  name       text        not null,
  value      jsonb       not null,
  updated_at timestamptz not null default clock_timestamp(),
  constraint facts_pkey primary key (name)
);

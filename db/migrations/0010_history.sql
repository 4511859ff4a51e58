-- History that ends: what ended runs add up to is kept by the day, and their rows go (docs/history.md).

-- The order of runs is their time also for those from before 0009, so that a span of time is a range of it.
update runs set seq = (extract(epoch from claimed_at) * 1000000)::bigint where seq < 1000000000000;

-- How far history has been added up, and when it was last looked after. One row.
create table history (
  is_only   boolean     not null default true,
  folded_to timestamptz not null default '-infinity', -- runs that ended until then (inclusive) are in the days
  slots_to  bigint      not null default 0,           -- so are the folded slots up to this id
  tended_at timestamptz not null default clock_timestamp(),
  constraint history_pkey primary key (is_only),
  constraint history_only check (is_only)
);
insert into history default values;

-- What the runs of a job and of the whole service add up to, by the UTC day: of a run's end, and of a slot. The counts of
-- the histograms are of the bounds in db/history-sums.ts, above the last one included.
create table job_days (
  job_id           text             not null,
  day              date             not null,
  runs_succeeded   integer          not null default 0,
  runs_failed      integer          not null default 0,
  runs_timed_out   integer          not null default 0,
  runs_interrupted integer          not null default 0,
  runs_cancelled   integer          not null default 0,
  runs_skipped     integer          not null default 0,
  slots_ran        integer          not null default 0,
  slots_skipped    integer          not null default 0,
  slots_missed     integer          not null default 0,
  slots_cancelled  integer          not null default 0,
  slots_superseded integer          not null default 0,
  attempts         integer          not null default 0,
  tokens_in        bigint           not null default 0,
  tokens_out       bigint           not null default 0,
  cost_usd         double precision not null default 0,
  duration_ms      bigint           not null default 0,
  duration_counts  integer[]        not null default '{}',
  lateness_ms      bigint           not null default 0,
  lateness_counts  integer[]        not null default '{}',
  constraint job_days_pkey primary key (job_id, day)
);
create index job_days_day on job_days (day);
create table service_days (
  day              date             not null,
  runs_succeeded   bigint           not null default 0,
  runs_failed      bigint           not null default 0,
  runs_timed_out   bigint           not null default 0,
  runs_interrupted bigint           not null default 0,
  runs_cancelled   bigint           not null default 0,
  runs_skipped     bigint           not null default 0,
  slots_ran        bigint           not null default 0,
  slots_skipped    bigint           not null default 0,
  slots_missed     bigint           not null default 0,
  slots_cancelled  bigint           not null default 0,
  slots_superseded bigint           not null default 0,
  attempts         bigint           not null default 0,
  tokens_in        bigint           not null default 0,
  tokens_out       bigint           not null default 0,
  cost_usd         double precision not null default 0,
  duration_ms      bigint           not null default 0,
  duration_counts  bigint[]         not null default '{}',
  lateness_ms      bigint           not null default 0,
  lateness_counts  bigint[]         not null default '{}',
  constraint service_days_pkey primary key (day)
);

-- Of each job with ended runs: how many of their rows are there, and when the next of them comes to its end.
create table job_history (
  job_id  text        not null,
  kept    integer     not null,
  bare_to bigint      not null default 0,             -- runs up to this seq have lost their logs and outputs
  next_at timestamptz not null,
  gone_to timestamptz,                                -- the newest slot whose run has been removed
  constraint job_history_pkey primary key (job_id)
);
create index job_history_next on job_history (next_at);

-- Ended runs in the order of their ends; and those that are few, by state. A span of time is a range of seq.
create index runs_ended on runs (finished_at) where finished_at is not null;
create index runs_rare on runs (state, seq, id)
  where state in ('failed', 'timed_out', 'interrupted', 'cancelled', 'skipped');
create index runs_job_rare on runs (job_id, state, seq, id)
  where state in ('failed', 'timed_out', 'interrupted', 'cancelled', 'skipped');
drop index runs_trouble;
drop index runs_claimed;

-- A job goes at once, and its rows later, some at a time.
alter table deliveries drop constraint deliveries_job_fkey;
alter table attempt_logs drop constraint attempt_logs_job_fkey;
alter table folded_slots drop constraint folded_slots_job_fkey;
alter table orphans add column purged_at timestamptz;
create index orphans_deleted on orphans (deleted_at);
create index idempotency_keys_created on idempotency_keys (created_at);
create index orphans_unpurged on orphans (deleted_at) where purged_at is null;
delete from facts where name like 'pruned:%';

-- Jobs that are not scheduled, which lists and counts ask for.
create index job_runtime_resting on job_runtime (state, job_id) where state <> 'scheduled';
-- Wake-ups that are confirmed for an instant before the wake time, such as waypoints.
create index job_runtime_early on job_runtime (armed_at) where armed_gen = wake_gen and armed_at < wake_at;

-- What a fire writes touches no index but those of a new run: updates stay heap-only.

-- The runs of a job that are live; true as long as live_rev is rev, so an older release that does not know of it does no harm.
alter table job_runtime
  add column live uuid[] not null default '{}',
  add column live_rev bigint default 1;
update job_runtime r set live_rev = rev, live = coalesce((
  select array_agg(l.id order by l.seq) from runs l
  where l.job_id = r.job_id and l.state in ('claimed', 'running', 'waiting')), '{}');

-- The index of wake times knows them to the hour, which a usual fire does not change.
drop index job_runtime_wake;
drop index job_runtime_owed;
alter table job_runtime
  add column wake_hour timestamptz generated always as (date_bin('1 hour', wake_at, '2000-01-01T00:00:00Z')) stored,
  add column is_owed boolean generated always as (armed_gen < wake_gen) stored;
create index job_runtime_wake on job_runtime (wake_hour) where wake_hour is not null;
create index job_runtime_owed on job_runtime (job_id) where is_owed;
alter table job_runtime set (fillfactor = 60);

-- The order of runs is their time, in microseconds: no sequence that all fires share. A tie is told apart by id.
drop index runs_seq;
drop index runs_trouble;
drop index runs_live;
alter table runs alter column seq drop identity;
alter table runs
  alter column seq set default (extract(epoch from clock_timestamp()) * 1000000)::bigint,
  add column is_trouble boolean generated always as (state in ('failed', 'timed_out', 'interrupted', 'cancelled')) stored,
  drop constraint runs_job_fkey;
create index runs_newest on runs (seq, id);
create index runs_trouble on runs (seq, id) where is_trouble;
alter table runs set (fillfactor = 85);

-- Their rows are selected from that of the job, which is locked by it; whoever deletes the job deletes them.
drop index arms_job;
alter table arms
  drop constraint arms_job_fkey,
  drop constraint arms_pkey,
  add constraint arms_pkey primary key (job_id, id);

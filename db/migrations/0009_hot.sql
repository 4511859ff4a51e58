-- What a fire writes costs less. Postgres reads every check of a table again for each statement that writes to it: a third of
-- what it did for a fire. Those stay without which a slot could be lost or run twice and nothing would say so; the others
-- are held by the decisions, which the simulation and the property tests hold to all of them (dev/simulation/constraints.ts).
alter table job_runtime
  drop constraint job_runtime_state,
  drop constraint job_runtime_last_status,
  drop constraint job_runtime_paused,
  drop constraint job_runtime_resume,
  drop constraint job_runtime_arm_lease,
  drop constraint job_runtime_counts;
alter table runs
  drop constraint runs_state,
  drop constraint runs_trigger,
  drop constraint runs_finished,
  drop constraint runs_running_leased,
  drop constraint runs_waiting,
  drop constraint runs_attempt_counted;

-- Their rows are selected from that of the job, which is locked by it; whatever deletes the job deletes them.
alter table runs drop constraint runs_job_fkey;
drop index arms_job;
alter table arms
  drop constraint arms_job_fkey,
  drop constraint arms_pkey,
  add constraint arms_pkey primary key (job_id, id);

-- The order of runs is their time, in microseconds: no sequence that all fires share. A tie is told apart by id.
drop index runs_seq;
alter table runs alter column seq drop identity;
alter table runs alter column seq set default (extract(epoch from clock_timestamp()) * 1000000)::bigint;
create index runs_newest on runs (seq, id);

-- Room for the next version of a row beside it.
alter table job_runtime set (fillfactor = 60);

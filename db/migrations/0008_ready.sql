-- The claim of a job's next slot, decided when the job was written last: the fire for it need not look first.
alter table job_runtime
  add column after_slot timestamptz,
  add column ready_from timestamptz,
  add column ready_until timestamptz,
  add column ready_version bigint,
  add column ready_rev bigint;

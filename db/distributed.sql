-- For an engine that spreads these tables by job_id (docs/scale.md): every key of theirs contains job_id. To be carried out
-- once, after the migrations and before there are rows. The service runs on both forms: names are the same.
alter table attempt_logs drop constraint attempt_logs_run_fkey;
alter table deliveries drop constraint deliveries_run_fkey;

alter table runs drop constraint runs_pkey, add constraint runs_pkey primary key (job_id, id);
create index runs_id on runs (id);

alter table attempt_logs drop constraint attempt_logs_pkey,
  add constraint attempt_logs_pkey primary key (job_id, run_id, attempt),
  add constraint attempt_logs_run_fkey foreign key (job_id, run_id) references runs (job_id, id) on delete cascade;
create index attempt_logs_run on attempt_logs (run_id, attempt);

alter table deliveries drop constraint deliveries_pkey,
  add constraint deliveries_pkey primary key (job_id, id),
  add constraint deliveries_run_fkey foreign key (job_id, run_id) references runs (job_id, id) on delete cascade;
create index deliveries_id on deliveries (id);
drop index deliveries_seq;
create index deliveries_seq on deliveries (seq);

alter table folded_slots drop constraint folded_slots_pkey,
  add constraint folded_slots_pkey primary key (job_id, id);
create index folded_slots_id on folded_slots (id);

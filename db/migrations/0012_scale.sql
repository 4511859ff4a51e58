-- For how long the attempts of a job's runs kept a process up, and for how long processes were up at all.
alter table job_days add column awake_ms bigint not null default 0;
alter table service_days add column awake_ms bigint not null default 0;

-- Of processes that have exited, by the UTC day. One row a day.
create table process_days (
  day      date    not null,
  starts   integer not null default 0,
  awake_ms bigint  not null default 0,
  constraint process_days_pkey primary key (day)
);

-- The order of a job's arms is their time, in microseconds, as that of runs: no sequence that all fires share.
alter table arms alter column id drop identity;
alter table arms alter column id set default (extract(epoch from clock_timestamp()) * 1000000)::bigint;

-- For how long the attempts of a job's runs kept a process up.
alter table job_days add column awake_ms bigint not null default 0;
alter table service_days add column awake_ms bigint not null default 0;

-- The order of a job's arms is their time, in microseconds, as that of runs: no sequence that all fires share.
alter table arms alter column id drop identity;
alter table arms alter column id set default (extract(epoch from clock_timestamp()) * 1000000)::bigint;

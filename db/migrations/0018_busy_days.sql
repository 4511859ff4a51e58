-- Of each UTC day, the jobs whose attempts kept a process up longest: 200 at most, and some more until they are removed. So
-- that the costs by job are read without the day of every job. Written with job_days, which has all else of these days.
create table busy_days (
  job_id   text   not null,
  day      date   not null,
  awake_ms bigint not null,
  constraint busy_days_pkey primary key (job_id, day)
);
create index busy_days_day on busy_days (day, awake_ms);

insert into busy_days (job_id, day, awake_ms)
select job_id, day, awake_ms from (
  select job_id, day, awake_ms, row_number() over (partition by day order by awake_ms desc, job_id) as place from job_days) d
where place <= 200;

-- Projects: whose a job, a channel, a secret and a key is. What the running version makes belongs to the project `default`.
create table projects (
  name            text        not null,
  -- quotas; null: none
  jobs_max        integer,
  runs_per_minute integer,
  places          integer,
  -- the minute that runs were counted in last, and how many began
  minute          timestamptz,
  minute_runs     integer     not null default 0,
  paused_at       timestamptz,
  paused_by       text,
  paused_reason   text,
  -- slots up to this instant that were not taken belong to a pause
  resumed_at      timestamptz,
  created_at      timestamptz not null default clock_timestamp(),
  -- a claim has to look at the project before it begins a run
  is_special boolean not null generated always as
    (paused_at is not null or runs_per_minute is not null or places is not null) stored,
  constraint projects_pkey primary key (name),
  constraint projects_name_form check (name ~ '^[a-z0-9][a-z0-9-]{0,38}$' or name = '*'),
  constraint projects_pause_whole check ((paused_at is null) = (paused_by is null)),
  constraint projects_quotas check (jobs_max >= 0 and runs_per_minute >= 1 and places >= 1),
  constraint projects_all_without_quotas check (name <> '*' or num_nonnulls(jobs_max, runs_per_minute, places) = 0)
);
-- `*` stands for all of them: its pause is one of everything
insert into projects (name) values ('*'), ('default');

alter table jobs add column project text not null default 'default'
  constraint jobs_project_fkey references projects (name);
create index jobs_project on jobs (project, seq);
drop index jobs_named_once;
create unique index jobs_named_once on jobs (project, key) where key is not null;

-- null: of all projects, as every key was that is there already
alter table api_keys add column project text constraint api_keys_project_fkey references projects (name);

alter table audit add column project text;
create index audit_project on audit (project, id);

-- A name in another project than `default` is written `project/name`, so that it stays the key that it is.
alter table channels drop constraint channels_name_form;
alter table channels
  add constraint channels_name_form check (name ~ '^([a-z0-9][a-z0-9-]{0,38}/)?[a-z0-9][a-z0-9_-]{0,62}$'),
  add column project text not null generated always as
    (case when strpos(name, '/') > 0 then split_part(name, '/', 1) else 'default' end) stored;
alter table secrets drop constraint secrets_name_form;
alter table secrets
  add constraint secrets_name_form check (name ~ '^([a-z0-9][a-z0-9-]{0,38}/)?[A-Z][A-Z0-9_]{0,63}$'),
  add column project text not null generated always as
    (case when strpos(name, '/') > 0 then split_part(name, '/', 1) else 'default' end) stored;

-- The quota of jobs, at every entrance: the project's row is locked, so of two that come at once one is counted with the other.
create function check_jobs_of_projects() returns trigger language plpgsql as $$
declare
  quota record;
begin
  for quota in
    select name, jobs_max from projects
    where jobs_max is not null and name in (select project from made) order by name for no key update
  loop
    if (select count(*) from jobs where project = quota.name) > quota.jobs_max then
      raise exception 'project % may have % jobs', quota.name, quota.jobs_max
        using errcode = 'check_violation', constraint = 'projects_jobs_max';
    end if;
  end loop;
  return null;
end $$;
create trigger jobs_quota after insert on jobs
  referencing new table as made for each statement execute function check_jobs_of_projects();

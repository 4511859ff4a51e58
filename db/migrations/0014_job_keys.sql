-- A job may have a key that people choose: what a file of jobs (chronos.yaml) knows it by.
alter table jobs add column key text;
create unique index jobs_named_once on jobs (key) where key is not null;

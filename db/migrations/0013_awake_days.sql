-- How long processes were up on each UTC day, how often one started, and how many fires came: what a machine that sleeps
-- costs. `batch` is the last addition, so that one that is sent twice counts once.
create table awake_days (
  day date not null,
  awake_ms bigint not null,
  starts integer not null,
  fires bigint not null,
  batch uuid not null,
  constraint awake_days_pkey primary key (day)
) with (fillfactor = 50);

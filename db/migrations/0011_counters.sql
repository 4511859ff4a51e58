-- What processes have counted, added up: numbers that no table has, of machines that may be off when they are asked for.
-- A bucket of a histogram is a row too. `batch` is the last addition, so that one that is sent twice counts once.
create table counters (
  name text not null,
  labels text not null,
  value double precision not null,
  batch uuid not null,
  constraint counters_pkey primary key (name, labels)
) with (fillfactor = 50);

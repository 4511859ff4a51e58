-- A run that waits for its first attempt, or was skipped, has made none: 0. One that is held has made at least one.
alter table runs
  alter column attempt set default 0,
  drop constraint runs_attempt_positive,
  add constraint runs_attempt_counted check (attempt >= 0 and (attempt >= 1 or lease_until is null));

-- A schedule may be steps of the calendar, or several rules with what is left out of them. No stored job has such a kind
-- yet and the old ones stay, so no row needs to be looked at.
alter table jobs
  drop constraint jobs_schedule_kind,
  add constraint jobs_schedule_kind
    check (schedule ->> 'kind' in ('cron', 'interval', 'once', 'after', 'calendar', 'rules')) not valid;

-- What the timer called the last wake-up of a deleted job: some timers cancel by that name alone.

alter table orphans add column armed_schedule text;

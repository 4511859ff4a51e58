-- Fires that came to processes that have exited, by the day: those beyond the starts found a process that was up.
alter table process_days add column fires bigint not null default 0;

-- A day on which counting began is counted from the instant of its first process, not from midnight: what an always-on
-- machine would have cost is compared with the same span.
alter table process_days add column began timestamptz;

-- What a change did: the changed fields before and after, secrets masked, bounded in size. Null: nothing to compare.
alter table audit add column changed jsonb;

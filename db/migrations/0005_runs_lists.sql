-- What failed last night: lists of runs by state and time, without a cost for runs that succeed.

create index runs_trouble on runs (seq) where state in ('failed', 'timed_out', 'interrupted', 'cancelled');
create index runs_claimed on runs using brin (claimed_at) with (pages_per_range = 32, autosummarize = on);

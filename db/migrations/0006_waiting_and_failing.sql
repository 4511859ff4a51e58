-- Runs that are claimed and have no place in their process yet; deliveries that have failed, and the channels they were for.

alter table runs add column waiting_since timestamptz;

alter table channels
  add column last_error text,
  add column last_error_at timestamptz,
  add constraint channels_error_whole check ((last_error is null) = (last_error_at is null));

create index deliveries_failed on deliveries (seq) where state = 'failed';

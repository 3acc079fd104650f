-- Of a call: whether its answer was streamed, when the first of that was there, and what went wrong. Null in rows from before, and where
-- nothing was said.
alter table usage add column is_streamed boolean;
alter table usage add column first_token_ms integer;
alter table usage add column error text;
alter table usage add constraint usage_error_check
  check (error in ('rate_limited', 'overloaded', 'timeout', 'rejected', 'unauthorized', 'provider_failed', 'broken_off', 'blocked',
    'gateway')) not valid;

-- Of sums: how many failed or broke off, and how many took how long, in buckets (usage/durations.ts). A bucket that holds none is null,
-- which takes a bit.
do $$
declare
  target text;
begin
  foreach target in array array['usage_sum', 'usage_sum_rebuild', 'usage_sum_earlier_tags'] loop
    execute format('alter table %I add column errors bigint not null default 0, ', target) || (
      select string_agg(format('add column %s_%s bigint', kind, bucket), ', ' order by place, bucket)
      from (values (1, 'latency'), (2, 'first_token')) as kinds (place, kind), generate_series(0, 69) as bucket
    );
  end loop;
end $$;

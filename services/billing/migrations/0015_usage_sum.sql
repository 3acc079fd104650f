-- A projection of billing.usage.recorded: what was used in each minute, hour and day (UTC) in which calls began. Each length
-- has a table of its own, so that what is read together lies together, and minutes can be taken out without a trace in the others.
create table usage_sum (
  tenant_id text not null,
  unit text not null,
  start timestamptz not null,
  key_id text not null,
  user_id text not null,
  provider text not null,
  model text not null,
  calls bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  cost_nanos bigint not null,
  uncollected_nanos bigint not null,
  primary key (tenant_id, unit, start, key_id, user_id, provider, model)
) partition by list (unit);
create table usage_sum_rebuild (like usage_sum including all);
-- The newest rows are added to again and again: there is room in their pages to do so.
create table usage_sum_minute partition of usage_sum for values in ('minute') with (fillfactor = 80);
create table usage_sum_hour partition of usage_sum for values in ('hour') with (fillfactor = 80);
create table usage_sum_day partition of usage_sum for values in ('day') with (fillfactor = 80);
-- For taking out what is too old.
create index usage_sum_minute_by_time on usage_sum_minute (start);

-- Hours that are there were told by when calls were settled, and of their minutes nothing is known.
insert into usage_sum
select tenant_id, 'hour', hour, key_id, user_id, provider, model, calls, input_tokens, cached_input_tokens, output_tokens,
  cost_nanos, uncollected_nanos
from usage_hour;
insert into usage_sum
select tenant_id, 'day', date_trunc('day', hour, 'UTC'), key_id, user_id, provider, model, sum(calls), sum(input_tokens),
  sum(cached_input_tokens), sum(output_tokens), sum(cost_nanos), sum(uncollected_nanos)
from usage_hour group by tenant_id, date_trunc('day', hour, 'UTC'), key_id, user_id, provider, model;
drop table usage_hour, usage_hour_rebuild;

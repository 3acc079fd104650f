-- Sums by tag are kept beside the others, in parts of their own: a call adds to one row for each of its tags. Those by day have the
-- whole name as the others do; those by hour leave out key and user, so that a month of them is read at once.
alter table usage_sum add column tag text collate "C" not null default '';
alter table usage_sum drop constraint usage_sum_pkey;
alter table usage_sum add primary key (tenant_id, unit, start, tag, key_id, user_id, provider, model);
alter table usage_sum_rebuild add column tag text collate "C" not null default '';
alter table usage_sum_rebuild drop constraint usage_sum_rebuild_pkey;
alter table usage_sum_rebuild add primary key (tenant_id, unit, start, tag, key_id, user_id, provider, model);
create table usage_sum_tag_hour partition of usage_sum for values in ('tag_hour') with (fillfactor = 80);
create table usage_sum_tag_day partition of usage_sum for values in ('tag_day') with (fillfactor = 80);
-- For taking out what is too old. Rows come in the order of time, so a summary of each range of pages is enough, and costs nothing to keep.
create index usage_sum_tag_hour_by_time on usage_sum_tag_hour using brin (start);
create index usage_sum_tag_day_by_time on usage_sum_tag_day using brin (start);

-- Events from before this do not tell tags; the rows do. What these come to is kept for rebuilds, which begin with it.
create table usage_sum_earlier_tags (like usage_sum);
insert into usage_sum_earlier_tags (tenant_id, unit, start, tag, key_id, user_id, provider, model, calls, input_tokens,
  cached_input_tokens, output_tokens, cost_nanos, uncollected_nanos)
select tenant_id, 'tag_' || length as unit, date_trunc(length, started_at, 'UTC') as start, tag,
  case length when 'day' then key_id else '' end as named_key, case length when 'day' then user_id else '' end as named_user, provider,
  model, count(*), sum(input_tokens + other.input), sum(cached_input_tokens), sum(output_tokens + other.output), sum(cost_nanos),
  sum(uncollected_nanos)
from usage
cross join unnest(tags) as tag
cross join (values ('hour'), ('day')) as lengths (length)
cross join lateral (
  select coalesce(sum(tokens::bigint) filter (where bucket in ('cacheWrite5m', 'cacheWrite1h', 'audioInput', 'imageInput')), 0) as input,
    coalesce(sum(tokens::bigint) filter (where bucket in ('reasoning', 'audioOutput', 'imageOutput')), 0) as output
  from jsonb_each_text(other_buckets) as buckets (bucket, tokens)
) as other
where tags is not null
group by tenant_id, unit, start, tag, named_key, named_user, provider, model;
insert into usage_sum select * from usage_sum_earlier_tags;

-- A tag that is common with one tenant may be rare with another: the index knows tags by tenant. Strict, so that it is known to
-- find nothing where there are no tags.
create function tenant_tags(tenant_id text, tags text[]) returns text[]
language plpgsql immutable strict parallel safe as $$
begin
  return string_to_array(tenant_id || ' ' || array_to_string(tags, ',' || tenant_id || ' '), ',');
end $$;
drop index usage_by_tag;
create index usage_by_tag on usage using gin (tenant_tags(tenant_id, tags)) where tags is not null;

-- What did not complete is told apart within the index by all that a list may ask for besides; it is 1 call of 20 or so.
drop index usage_by_outcome;
create index usage_by_outcome on usage (tenant_id, outcome, started_at, user_id, key_id, model, provider) where outcome <> 'completed';

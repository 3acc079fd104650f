-- In whose hands an account was when an event was said: an operator who acts as the person. Set by the outbox for the rest of
-- its transaction, so that the ways of appending stay as they are; empty otherwise.
alter table event add column operator text not null default coalesce(current_setting('lyss.operator', true), '');

-- As in 0003, with the operator.
drop function read(text[], bigint, int);
create function read(p_types text[], p_after bigint, p_limit int)
returns table (
  seq bigint, id text, type text, source text, key text, "time" timestamptz, data jsonb, traceparent text,
  stream text, revision bigint, operator text, is_settled boolean
) language plpgsql volatile security definer set search_path = event_log, pg_temp as $$
#variable_conflict use_column
declare
  settled bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'the event log is read in READ COMMITTED: an older snapshot hides events that settled since';
  end if;
  settled := settled_until(p_types);
  return query
    select e.*, e.seq <= settled
    from unnest(p_types) as wanted, lateral (
      select seq, id, type, source, key, time, data, traceparent, stream, revision, operator
      from event where event.type = wanted and event.seq > p_after order by event.seq limit p_limit
    ) as e
    order by e.seq limit p_limit;
end $$;
revoke all on function read(text[], bigint, int) from public;
grant execute on function read(text[], bigint, int) to lyss_service;

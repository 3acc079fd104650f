-- What operators do with the log: parked events are taken up again or skipped, and what everybody has passed is deleted.

-- What a subscription listens to: its position says nothing about events of other types. Null until its next start.
alter table subscription add column types text[];

create index event_by_time on event using brin (time);

grant update, delete on parked_event to lyss_service;
grant delete on subscription to lyss_service;

-- Looks at p_limit events after a number and deletes those that are older than p_before, that every subscription to
-- their type has passed, and that no one has parked. Null when the rest of the log is younger.
create function delete_passed(p_after bigint, p_before timestamptz, p_limit int)
returns table (last_seq bigint, deleted bigint)
language plpgsql volatile security definer set search_path = event_log, pg_temp as $$
begin
  return query
    with looked_at as (
      select seq, type, time from event where seq > p_after order by seq limit p_limit
    ), gone as (
      delete from event using looked_at
      where event.seq = looked_at.seq and looked_at.time < p_before
        and not exists (
          select from subscription
          where position < looked_at.seq and (types is null or looked_at.type = any(types))
        )
        and not exists (select from parked_event where parked_event.seq = looked_at.seq)
      returning event.seq
    )
    select max(looked_at.seq), (select count(*) from gone) from looked_at having min(looked_at.time) < p_before;
end $$;
revoke all on function delete_passed(bigint, timestamptz, int) from public;
grant execute on function delete_passed(bigint, timestamptz, int) to lyss_event_log;

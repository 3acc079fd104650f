-- Which events a subscription has handled that hears them from a broker: a broker may deliver one twice.
create table handled_event (
  event_id text not null,
  service name not null default session_user,
  subscription text not null,
  primary key (event_id, service, subscription)
);
alter table handled_event enable row level security;
create policy own_rows on handled_event using (service = session_user);
revoke all on handled_event from lyss_event_log;
grant select, insert on handled_event to lyss_service;

-- As in 0003; what is no longer in the log is never published again, so nobody need remember having handled it.
create or replace function delete_passed(p_after bigint, p_before timestamptz, p_limit int)
returns table (last_seq bigint, deleted bigint)
language plpgsql volatile security definer set search_path = event_log, pg_temp as $$
begin
  return query
    with looked_at as (
      select seq, type, time, stream from event where seq > p_after order by seq limit p_limit
    ), gone as (
      delete from event using looked_at
      where event.seq = looked_at.seq and looked_at.time < p_before and looked_at.stream is null
        and not exists (
          select from subscription
          where position < looked_at.seq and (types is null or looked_at.type = any(types))
        )
        and not exists (select from parked_event where parked_event.seq = looked_at.seq)
      returning event.seq, event.id
    ), forgotten as (
      delete from handled_event using gone where handled_event.event_id = gone.id
    )
    select max(looked_at.seq), (select count(*) from gone) from looked_at having min(looked_at.time) < p_before;
end $$;

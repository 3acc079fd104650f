-- Streams: events of one thing, numbered from 1 without gaps, appended by who knows the last number.
create table stream (
  source text not null,
  name text not null,
  revision bigint not null,
  primary key (source, name)
);
revoke all on stream from lyss_event_log;

alter table event add column stream text, add column revision bigint,
  add constraint stream_has_revision check ((stream is null) = (revision is null));
create unique index event_by_stream on event (source, stream, revision) where stream is not null;

-- Appends to a stream if it stands where the caller believes: p_expected is a revision (0: nothing there yet), -1 for
-- any and -2 for "not empty". Otherwise nothing is appended, and is_appended is false. An event id that the stream has
-- already is answered with its revision, whatever is expected. The row's lock makes appends to a stream wait for each
-- other; it is taken before the log's own lock, so that readers of the type do not wait with them.
create function append_to_stream(
  p_stream text, p_expected bigint,
  p_id text, p_type text, p_source text, p_key text, p_time timestamptz, p_data jsonb, p_traceparent text
) returns table (is_appended boolean, stream_revision bigint)
language plpgsql security definer set search_path = event_log, pg_temp as $$
declare
  current_revision bigint;
  known_revision bigint;
begin
  insert into stream (source, name, revision) values (p_source, p_stream, 0) on conflict do nothing;
  select revision into current_revision from stream where source = p_source and name = p_stream for update;
  select revision into known_revision from event where id = p_id and source = p_source and event.stream = p_stream;
  if known_revision is not null then
    return query select true, known_revision;
  elsif p_expected <> -1 and (case when p_expected = -2 then current_revision = 0 else current_revision <> p_expected end) then
    return query select false, current_revision;
  else
    perform append(p_id, p_type, p_source, p_key, p_time, p_data, p_traceparent);
    update event set stream = p_stream, revision = current_revision + 1 where id = p_id;
    update stream set revision = current_revision + 1 where source = p_source and name = p_stream;
    return query select true, current_revision + 1;
  end if;
end $$;
revoke all on function append_to_stream(text, bigint, text, text, text, text, timestamptz, jsonb, text) from public;
grant execute on function append_to_stream(text, bigint, text, text, text, text, timestamptz, jsonb, text) to lyss_service;

-- As in 0001, with the event's stream and revision.
drop function read(text[], bigint, int);
create function read(p_types text[], p_after bigint, p_limit int)
returns table (
  seq bigint, id text, type text, source text, key text, "time" timestamptz, data jsonb, traceparent text,
  stream text, revision bigint, is_settled boolean
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
      select seq, id, type, source, key, time, data, traceparent, stream, revision
      from event where event.type = wanted and event.seq > p_after order by event.seq limit p_limit
    ) as e
    order by e.seq limit p_limit;
end $$;
revoke all on function read(text[], bigint, int) from public;
grant execute on function read(text[], bigint, int) to lyss_service;

-- As in 0002; an event of a stream is part of what the stream says, and stays.
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
      returning event.seq
    )
    select max(looked_at.seq), (select count(*) from gone) from looked_at having min(looked_at.time) < p_before;
end $$;

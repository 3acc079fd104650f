-- An event is written with its place in its stream. To append it first and say the place then wrote the row, and an entry of
-- each index, twice, and left a dead row for every event of a stream.

-- What both ways of appending do; for them only, which say with whose rights and on which path. See 0001 for the lock.
create function append_row(
  p_id text, p_type text, p_source text, p_key text, p_time timestamptz, p_data jsonb, p_traceparent text,
  p_stream text, p_revision bigint
) returns void language plpgsql as $$
declare
  -- Lives and dies with the lock: undone together at the end of the transaction and by a roll-back to a savepoint.
  locked_types text := coalesce(nullif(current_setting('lyss.appending', true), ''), ',');
begin
  if strpos(locked_types, ',' || p_type || ',') = 0 then
    perform pg_advisory_xact_lock_shared(append_lock_key(p_type, last_drawn()));
    perform set_config('lyss.appending', locked_types || p_type || ',', true);
  end if;
  insert into event (id, type, source, key, time, data, traceparent, stream, revision)
  values (p_id, p_type, p_source, p_key, p_time, p_data, p_traceparent, p_stream, p_revision);
  perform pg_notify('lyss_event', p_type);
end $$;
revoke all on function append_row(text, text, text, text, timestamptz, jsonb, text, text, bigint) from public;

create or replace function append(
  p_id text, p_type text, p_source text, p_key text, p_time timestamptz, p_data jsonb, p_traceparent text
) returns void language plpgsql security definer set search_path = event_log, pg_temp as $$
begin
  perform append_row(p_id, p_type, p_source, p_key, p_time, p_data, p_traceparent, null, null);
end $$;

-- As in 0003; whether the id is known is asked by the id alone. Asked by source and stream too, a new database answered by
-- reading the whole stream, until its statistics told that there is one row to an id.
create or replace function append_to_stream(
  p_stream text, p_expected bigint,
  p_id text, p_type text, p_source text, p_key text, p_time timestamptz, p_data jsonb, p_traceparent text
) returns table (is_appended boolean, stream_revision bigint)
language plpgsql security definer set search_path = event_log, pg_temp as $$
declare
  current_revision bigint;
  known_revision bigint;
begin
  loop
    select revision into current_revision from stream where source = p_source and name = p_stream for update;
    exit when found;
    insert into stream (source, name, revision) values (p_source, p_stream, 0) on conflict do nothing;
  end loop;
  select case when source = p_source and stream = p_stream then revision end into known_revision from event where id = p_id;
  if known_revision is not null then
    return query select true, known_revision;
  elsif p_expected <> -1 and (case when p_expected = -2 then current_revision = 0 else current_revision <> p_expected end) then
    return query select false, current_revision;
  else
    perform append_row(p_id, p_type, p_source, p_key, p_time, p_data, p_traceparent, p_stream, current_revision + 1);
    update stream set revision = current_revision + 1 where source = p_source and name = p_stream;
    return query select true, current_revision + 1;
  end if;
end $$;

-- The log of everything that services tell each other. Rows are added by append() and never change.
create table event (
  seq bigint generated always as identity primary key,
  id text not null unique,
  type text not null,
  source text not null,
  key text not null,
  time timestamptz not null,
  data jsonb not null,
  traceparent text not null
);
create index event_by_type on event (type, seq);

-- Numbers are drawn before their transactions commit, so a reader that goes on after the last number it saw would miss
-- those that commit late. Ordering by transaction id instead would turn round two events of one key whenever the
-- transaction that appends second was the first to write anything. Therefore a transaction that appends holds, until
-- its end, a shared lock whose key tells the last number drawn before its own; readers stop at the smallest.
-- Key of 64 bits: 8 that say "event log", 16 of the event type, so that types do not wait for each other, 40 of the number.
create function append_lock_key(p_type text, p_seq bigint) returns bigint language sql immutable as $$
  select (77::bigint << 56) | ((hashtext(p_type) & 65535)::bigint << 40) | (p_seq & 1099511627775)
$$;

create function last_drawn() returns bigint language sql volatile as $$
  select last_value - (not is_called)::int from event_log.event_seq_seq
$$;

create function append(
  p_id text, p_type text, p_source text, p_key text, p_time timestamptz, p_data jsonb, p_traceparent text
) returns void language plpgsql security definer set search_path = event_log, pg_temp as $$
declare
  -- Lives and dies with the lock: undone together at the end of the transaction and by a roll-back to a savepoint.
  locked_types text := coalesce(nullif(current_setting('lyss.appending', true), ''), ',');
begin
  if strpos(locked_types, ',' || p_type || ',') = 0 then
    perform pg_advisory_xact_lock_shared(append_lock_key(p_type, last_drawn()));
    perform set_config('lyss.appending', locked_types || p_type || ',', true);
  end if;
  insert into event (id, type, source, key, time, data, traceparent)
  values (p_id, p_type, p_source, p_key, p_time, p_data, p_traceparent);
  perform pg_notify('lyss_event', p_type);
end $$;

-- The number up to which every event of these types is committed or will never be (null: of any type). True for
-- statements that start after it, not for the one that calls it: the order last number, locks, rows is what makes it so.
create function settled_until(p_types text[]) returns bigint
language plpgsql volatile security definer set search_path = event_log, pg_temp as $$
declare
  last_seq bigint := last_drawn();
  first_held bigint;
begin
  first_held := (
    select min(((classid::bigint & 255) << 32) | objid::bigint) from pg_locks
    where locktype = 'advisory' and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
      and classid::bigint >> 24 = 77
      and (p_types is null
        or (classid::bigint >> 8) & 65535 in (select hashtext(type) & 65535 from unnest(p_types) as type))
  );
  return least(last_seq, first_held);
end $$;

-- Events of these types after a number, in order. Those that are not settled come too and are marked, so that the
-- reader knows to look again soon; it must not go past the first of them.
create function read(p_types text[], p_after bigint, p_limit int)
returns table (
  seq bigint, id text, type text, source text, key text, "time" timestamptz, data jsonb, traceparent text,
  is_settled boolean
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
      select * from event where event.type = wanted and event.seq > p_after order by event.seq limit p_limit
    ) as e
    order by e.seq limit p_limit;
end $$;

-- How far each durable subscription has come. One row is locked by the node that is at work on it.
create table subscription (
  service name not null default session_user,
  name text not null,
  position bigint not null default 0,
  attempts int not null default 0,
  retry_at timestamptz not null default '-infinity',
  last_error text not null default '',
  primary key (service, name)
);

-- Events that a handler could not cope with.
create table parked_event (
  service name not null default session_user,
  subscription text not null,
  seq bigint not null,
  attempts int not null,
  last_error text not null,
  parked_at timestamptz not null,
  primary key (service, subscription, seq)
);

alter table subscription enable row level security;
alter table parked_event enable row level security;
create policy own_rows on subscription using (service = session_user);
create policy own_rows on parked_event using (service = session_user);

revoke all on all tables in schema event_log from lyss_event_log;
revoke all on all functions in schema event_log from public;
grant usage on schema event_log to lyss_service;
grant execute on function
  append(text, text, text, text, timestamptz, jsonb, text), settled_until(text[]), read(text[], bigint, int)
  to lyss_service;
grant select on event to lyss_service;
grant select, insert, update on subscription to lyss_service;
grant select, insert on parked_event to lyss_service;

-- What operators see and steer, of all services. Each function is narrow and granted to nobody here: the migration of the
-- service that operators call grants them to that service's role.

-- Whether events may come again, and when a node that hosts the subscription was last alive.
alter table subscription
  add column is_replayable boolean not null default false,
  add column seen_at timestamptz not null default now();

-- What operators asked for. Redrives and replays are done by a node that hosts the subscription; skips and forgets are
-- done at once, and recorded. `last_seq` moves in the transaction of what was done.
create table operation (
  id text primary key,
  kind text not null check (kind in ('redrive', 'replay', 'skip', 'forget')),
  service name not null,
  subscription text not null,
  state text not null check (state in ('pending', 'running', 'paused', 'done', 'failed', 'canceled')),
  scope jsonb not null,
  asked_by text not null,
  asked_at timestamptz not null,
  last_seq bigint not null,
  until_seq bigint not null,
  total bigint not null,
  handled bigint not null default 0,
  failed bigint not null default 0,
  held_back bigint not null default 0,
  attempts int not null default 0,
  due_at timestamptz not null default '-infinity',
  last_error text not null default '',
  started_at timestamptz,
  ended_at timestamptz
);
create index operation_open on operation (service, due_at) where state in ('pending', 'running');
alter table operation enable row level security;
create policy own_rows on operation using (service = session_user);
revoke all on operation from lyss_event_log;
grant select, update on operation to lyss_service;

-- The redrive in which it last failed: later events of its key are then held back.
alter table parked_event add column operation text;

create index event_by_key on event (key, seq);
create index event_by_trace on event (substr(traceparent, 4, 32), seq) where traceparent <> '';
create index event_by_tenant on event ((data ->> 'tenantId'), seq) where data ->> 'tenantId' is not null;

-- Committed events of these types after a number, counted up to 100,000, and the time of the oldest.
create function waiting(p_types text[], p_after bigint) returns table (behind int, oldest timestamptz)
language sql stable set search_path = event_log, pg_temp as $$
  select count(*)::int, min(time) from (
    select time from unnest(p_types) as wanted, lateral (
      select time from event where type = wanted and seq > p_after order by seq limit 100000
    ) as ahead limit 100000
  ) as counted
$$;
revoke all on function waiting(text[], bigint) from public;
grant execute on function waiting(text[], bigint) to lyss_service;

-- Null means any.
create function desk_subscriptions(p_service name, p_name text)
returns table (
  service name, name text, types text[], is_replayable boolean, "position" bigint, attempts int, last_error text,
  seen_at timestamptz, behind int, oldest timestamptz, parked bigint
) language sql volatile security definer set search_path = event_log, pg_temp as $$
  select own.service, own.name, coalesce(own.types, '{}'), own.is_replayable, own.position, own.attempts,
    own.last_error, own.seen_at, ahead.behind, ahead.oldest,
    (select count(*) from parked_event as gone where gone.service = own.service and gone.subscription = own.name)
  from subscription as own, lateral waiting(own.types, own.position) as ahead
  where (p_service is null or own.service = p_service) and (p_name is null or own.name = p_name)
  order by own.service, own.name
$$;

create function desk_parked(
  p_service name, p_subscription text, p_ids text[], p_types text[], p_keys text[], p_after bigint, p_limit int
) returns table (
  seq bigint, id text, type text, source text, key text, "time" timestamptz, data jsonb, traceparent text,
  stream text, revision bigint, attempts int, last_error text, parked_at timestamptz
) language sql volatile security definer set search_path = event_log, pg_temp as $$
  select e.seq, e.id, e.type, e.source, e.key, e.time, e.data, e.traceparent, e.stream, e.revision,
    parked.attempts, parked.last_error, parked.parked_at
  from parked_event as parked join event as e on e.seq = parked.seq
  where parked.service = p_service and parked.subscription = p_subscription and parked.seq > p_after
    and (p_ids is null or e.id = any(p_ids))
    and (p_types is null or e.type = any(p_types))
    and (p_keys is null or e.key = any(p_keys))
  order by e.seq limit p_limit
$$;

-- Who hears a type, and how each stands to one event of it.
create function desk_receivers(p_seq bigint, p_type text)
returns table (service name, subscription text, is_passed boolean, parked_at timestamptz, attempts int, last_error text)
language sql volatile security definer set search_path = event_log, pg_temp as $$
  select own.service, own.name, own.position >= p_seq, parked.parked_at, parked.attempts, parked.last_error
  from subscription as own
    left join parked_event as parked
      on parked.service = own.service and parked.subscription = own.name and parked.seq = p_seq
  where p_type = any(own.types)
  order by own.service, own.name
$$;

create function desk_operations(p_id text, p_service name, p_subscription text, p_state text, p_before text, p_limit int)
returns setof operation language sql volatile security definer set search_path = event_log, pg_temp as $$
  select * from operation
  where (p_id is null or id = p_id)
    and (p_service is null or service = p_service)
    and (p_subscription is null or subscription = p_subscription)
    and (p_state is null or state = p_state)
    and (p_before is null or id < p_before)
  order by id desc limit p_limit
$$;

-- Tells the nodes that host a subscription that there is something to do.
create function wake_operations(p_service name) returns void
language sql volatile set search_path = event_log, pg_temp as $$
  select pg_notify('lyss_event', '#operations ' || p_service)
$$;

-- A redrive or a replay, to be done by a node that hosts the subscription. Nothing is asked, and nothing comes back, when
-- the subscription has p_open operations that have not ended. Those that ended long ago are forgotten.
create function ask_operation(
  p_id text, p_kind text, p_service name, p_subscription text, p_scope jsonb, p_asked_by text, p_asked_at timestamptz,
  p_after bigint, p_until bigint, p_total bigint, p_open int
) returns setof operation language plpgsql security definer set search_path = event_log, pg_temp as $$
begin
  if p_kind not in ('redrive', 'replay') then
    raise exception 'a % is not asked for', p_kind;
  end if;
  delete from operation where ended_at < p_asked_at - interval '90 days';
  perform from subscription where service = p_service and name = p_subscription for key share;
  if not found or p_open <= (
    select count(*) from operation
    where service = p_service and subscription = p_subscription and ended_at is null
  ) then
    return;
  end if;
  return query
    insert into operation (id, kind, service, subscription, state, scope, asked_by, asked_at, last_seq, until_seq, total)
    values (p_id, p_kind, p_service, p_subscription, 'pending', p_scope, p_asked_by, p_asked_at,
      p_after, p_until, p_total)
    returning *;
  perform wake_operations(p_service);
end $$;

-- Pauses, resumes or cancels an operation; nothing comes back when it stands so that this is not possible. Waits for the
-- step under way. A repeat changes nothing.
create function steer_operation(p_id text, p_to text, p_at timestamptz) returns setof operation
language plpgsql security definer set search_path = event_log, pg_temp as $$
declare
  current_state text;
begin
  select state into current_state from operation where id = p_id and kind in ('redrive', 'replay') for update;
  if p_to = 'paused' and current_state in ('pending', 'running') then
    update operation set state = 'paused' where id = p_id;
  elsif p_to = 'pending' and current_state in ('paused', 'failed') then
    update operation set state = 'pending', attempts = 0, due_at = '-infinity', last_error = '', ended_at = null
    where id = p_id;
  elsif p_to = 'canceled' and current_state in ('pending', 'running', 'paused', 'failed') then
    update operation set state = 'canceled', ended_at = p_at where id = p_id;
  elsif not (current_state = p_to or (p_to = 'pending' and current_state = 'running')) then
    return;
  end if;
  perform wake_operations(service) from operation where id = p_id;
  return query select * from operation where id = p_id;
end $$;

-- Gives parked events up for good, at most p_limit; they stay in the log.
create function skip_parked(
  p_id text, p_service name, p_subscription text, p_scope jsonb, p_ids text[], p_types text[], p_keys text[],
  p_limit int, p_asked_by text, p_asked_at timestamptz
) returns setof operation language plpgsql security definer set search_path = event_log, pg_temp as $$
declare
  skipped bigint;
begin
  with gone as (
    delete from parked_event as parked using (
      select seq from desk_parked(p_service, p_subscription, p_ids, p_types, p_keys, 0, p_limit)
    ) as chosen
    where parked.service = p_service and parked.subscription = p_subscription and parked.seq = chosen.seq
    returning parked.seq
  )
  select count(*) into skipped from gone;
  return query
    insert into operation (id, kind, service, subscription, state, scope, asked_by, asked_at, last_seq, until_seq, total,
      handled, started_at, ended_at)
    values (p_id, 'skip', p_service, p_subscription, 'done', p_scope, p_asked_by, p_asked_at, 0, 0, skipped,
      skipped, p_asked_at, p_asked_at)
    returning *;
end $$;

-- Forgets a subscription that no node has hosted for p_unseen, with its parked events and what was asked of it. Nothing
-- comes back when one has.
create function forget_dead(
  p_id text, p_service name, p_subscription text, p_unseen interval, p_asked_by text, p_asked_at timestamptz
) returns setof operation language plpgsql security definer set search_path = event_log, pg_temp as $$
declare
  gone bigint;
begin
  delete from subscription
  where service = p_service and name = p_subscription and seen_at < now() - p_unseen;
  if not found then
    return;
  end if;
  with deleted as (
    delete from parked_event where service = p_service and subscription = p_subscription returning seq
  )
  select count(*) into gone from deleted;
  update operation set state = 'canceled', ended_at = p_asked_at
  where service = p_service and subscription = p_subscription and ended_at is null;
  return query
    insert into operation (id, kind, service, subscription, state, scope, asked_by, asked_at, last_seq, until_seq, total,
      handled, started_at, ended_at)
    values (p_id, 'forget', p_service, p_subscription, 'done', '{}', p_asked_by, p_asked_at, 0, 0, gone,
      gone, p_asked_at, p_asked_at)
    returning *;
end $$;

revoke all on function
  desk_subscriptions(name, text),
  desk_parked(name, text, text[], text[], text[], bigint, int),
  desk_receivers(bigint, text),
  desk_operations(text, name, text, text, text, int),
  wake_operations(name),
  ask_operation(text, text, name, text, jsonb, text, timestamptz, bigint, bigint, bigint, int),
  steer_operation(text, text, timestamptz),
  skip_parked(text, name, text, jsonb, text[], text[], text[], int, text, timestamptz),
  forget_dead(text, name, text, interval, text, timestamptz)
  from public;

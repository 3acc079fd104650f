-- Usage is kept by the day (UTC) on which the attempt began. A repeat says the same start, so an attempt is still found and
-- refused by its key, however late it comes; and a day that is no longer wanted is dropped in one piece.
update usage set started_at = date_trunc('milliseconds', created_at) where started_at is null;
alter table usage rename to usage_before;
drop index usage_by_time;
create table usage (like usage_before including defaults including constraints) partition by range (started_at);
alter table usage alter started_at set not null, add primary key (call_id, attempt, started_at);
-- Lists are by time and then by call; what lies behind equal starts is sorted when it is read.
create index usage_by_time on usage (tenant_id, started_at);
create index usage_by_user on usage (user_id, started_at);
create index usage_by_key on usage (key_id, started_at);

-- One row, locked by whoever opens or drops a day. Days before this are gone, and none of them is opened again: what is posted for one could be a repeat.
create table usage_retention (
  only_row boolean primary key default true check (only_row),
  kept_from date not null default '-infinity'
);
insert into usage_retention default values;

-- Opens a day. False when it is no longer kept. A new table is attached, which makes nobody wait who reads or writes; to
-- create it as a partition would.
create function open_usage_day(day date) returns boolean
language plpgsql security definer set search_path = billing, pg_temp as $$
declare
  part text := 'usage_' || to_char(day, 'YYYYMMDD');
begin
  if to_regclass(part) is not null then return true; end if;
  lock table usage_retention in share update exclusive mode;
  if to_regclass(part) is not null then return true; end if;
  if exists (select from usage_retention where day < kept_from) then return false; end if;
  execute format('create table %I (like usage including defaults including constraints)', part);
  execute format('alter table usage attach partition %I for values from (%L) to (%L)', part,
    day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
  execute format('revoke all on %I from lyss_billing', part);
  return true;
end $$;

-- Yesterday, today and the week that follows.
create function open_usage_days() returns void
language sql set search_path = billing, pg_temp as $$
  select open_usage_day((now() at time zone 'UTC')::date + n) from generate_series(-1, 7) as n
$$;

-- Drops the oldest day that is more than `kept_days` ago and gives it; null when there is none. Forty days are always kept.
-- Fails with SQLSTATE 55P03 rather than make those who read and write wait behind it for long.
create function drop_usage_day(kept_days integer) returns date
language plpgsql security definer set search_path = billing, pg_temp set lock_timeout = '1s' as $$
declare
  first_kept date := (now() at time zone 'UTC')::date - kept_days;
  oldest text;
  day date;
begin
  if kept_days < 40 then raise exception 'usage is kept for 40 days at least'; end if;
  lock table usage_retention in share update exclusive mode;
  select min(relname) into oldest from pg_inherits join pg_class on oid = inhrelid
    where inhparent = 'usage'::regclass and relname < 'usage_' || to_char(first_kept, 'YYYYMMDD');
  if oldest is null then return null; end if;
  day := to_date(right(oldest, 8), 'YYYYMMDD');
  execute format('drop table %I', oldest);
  update usage_retention set kept_from = greatest(kept_from, day + 1);
  return day;
end $$;

select open_usage_days();
select open_usage_day(day) from (select distinct (started_at at time zone 'UTC')::date from usage_before) as days (day);
insert into usage select * from usage_before;
drop table usage_before;

revoke delete, truncate on usage from lyss_billing;
revoke insert, update, delete, truncate on usage_retention from lyss_billing;
revoke execute on function open_usage_day, open_usage_days, drop_usage_day from public;
grant execute on function open_usage_day, open_usage_days, drop_usage_day to lyss_billing;

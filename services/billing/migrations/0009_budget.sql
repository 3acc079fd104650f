-- Caps of a tenant, a group, a user or a key. The tenant's wallet row is locked by whoever reads or changes these amounts.
create table budget (
  budget_id text primary key,
  tenant_id text not null,
  scope_kind text not null check (scope_kind in ('tenant', 'group', 'user', 'key')),
  scope_id text not null check (scope_id <> ''),
  unit text not null check (unit in ('money', 'tokens', 'calls')),
  period text not null check (period in ('minute', 'hour', 'day', 'month', 'total')),
  -- Nano-units of the wallet's currency, tokens or calls; here and below.
  limit_amount bigint not null check (limit_amount >= 0),
  time_zone text not null,
  reset_day smallint not null check (reset_day between 1 and 28),
  alert_percents smallint[] not null,
  -- The period that used and reserved are about; the next one begins with the first call after its end.
  window_starts_at timestamptz not null,
  window_ends_at timestamptz,
  used_amount bigint not null default 0 check (used_amount >= 0),
  reserved_amount bigint not null default 0 check (reserved_amount >= 0),
  -- What was said already in this period.
  alerted_percent smallint not null default 0,
  is_refusal_said boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, scope_kind, scope_id, unit, period)
);

-- What a call in flight has set aside in a budget, and in which of its periods. Ends with the call's hold.
create table budget_hold (
  call_id text not null,
  budget_id text not null references budget on delete cascade,
  window_starts_at timestamptz not null,
  amount bigint not null check (amount >= 0),
  primary key (call_id, budget_id)
);
create index budget_hold_by_budget on budget_hold (budget_id);
alter table budget_hold set (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

-- Who is in which group, as the groups' events tell it.
create table budget_member (
  tenant_id text not null,
  user_id text not null,
  group_id text not null,
  primary key (tenant_id, user_id, group_id)
);

-- People whose quota was set, by somebody or from the default, once for all.
create table user_quota (
  tenant_id text not null,
  user_id text not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, user_id)
);

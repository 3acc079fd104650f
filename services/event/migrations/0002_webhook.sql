-- Where events are sent, by tenant and name; the platform's have no tenant.
create table webhook (
  tenant_id text not null,
  name text not null,
  -- The address and the types; as callers write it.
  spec jsonb not null,
  -- Bound to tenant and name. The one before counts, too, until then.
  sealed_secret bytea not null,
  sealed_previous bytea,
  previous_until timestamptz,
  version integer not null check (version > 0),
  state text not null check (state in ('active', 'paused', 'disabled')),
  -- Why it is disabled.
  reason text,
  -- Since when nothing was taken.
  failing_since timestamptz,
  last_delivered_at timestamptz,
  -- Whose turn was longest ago comes first. Until `leased_until` one process is at work on it.
  turn_at timestamptz not null,
  leased_by text,
  leased_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, name)
);

-- An event on its way to a webhook.
create table webhook_delivery (
  tenant_id text not null,
  name text not null,
  event_id text not null,
  type text not null,
  body text not null,
  state text not null check (state in ('waiting', 'delivered', 'given_up')),
  -- Since it was sent first, or again by hand.
  tries integer not null default 0,
  next_try_at timestamptz not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  primary key (tenant_id, name, event_id),
  foreign key (tenant_id, name) references webhook on delete cascade
);
create index webhook_delivery_due on webhook_delivery (tenant_id, name, next_try_at) where state = 'waiting';
create index webhook_delivery_list on webhook_delivery (tenant_id, name, created_at desc, event_id desc);
create index webhook_delivery_aged on webhook_delivery (ended_at);

-- What became of each try; by hand they may be more than the schedule has.
create table webhook_attempt (
  tenant_id text not null,
  name text not null,
  event_id text not null,
  number integer not null,
  at timestamptz not null,
  duration_ms integer not null,
  -- Of the answer; null without one.
  status integer,
  -- Why it was not taken; null where it was.
  reason text,
  primary key (tenant_id, name, event_id, number),
  foreign key (tenant_id, name, event_id) references webhook_delivery on delete cascade
);

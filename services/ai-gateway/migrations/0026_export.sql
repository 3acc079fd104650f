-- Where records of calls are sent, and how far that has come. An empty tenant is the platform: it sends those of all.
create table export (
  tenant_id text not null,
  name text not null,
  -- Where to and how; as callers write it.
  spec jsonb not null,
  -- Bound to where it may be sent.
  sealed_secret bytea,
  version integer not null check (version > 0),
  state text not null check (state in ('active', 'paused', 'failed')),
  problem jsonb,
  failures integer not null default 0,
  -- Of billing's order of usage: what is behind it has still to be sent. Empty before it has begun.
  place text not null default '',
  sent_records bigint not null default 0,
  sent_batches bigint not null default 0,
  rejected_records bigint not null default 0,
  last_sent_at timestamptz,
  waiting_since timestamptz,
  next_run_at timestamptz not null,
  -- Until then one process is at work on it.
  leased_by text,
  leased_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, name)
);
create index export_due on export (next_run_at) where state = 'active';

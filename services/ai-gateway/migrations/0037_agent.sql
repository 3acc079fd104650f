-- Agents of tenants, which speak the Agent2Agent protocol. What they say of themselves is asked for, and kept nowhere.
create table agent (
  server_id text primary key,
  tenant_id text not null,
  name text not null,
  url text not null,
  credential_id text not null default '',
  usd_per_call text not null default '0',
  timeout_ms integer not null check (timeout_ms > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, name)
);
-- Whose the tasks and contexts are that agents keep: who has not begun one does not reach it.
create table agent_reference (
  server_id text not null,
  kind text not null check (kind in ('task', 'context')),
  id text not null,
  tenant_id text not null,
  -- A key, or a person who is signed in.
  owner_id text not null,
  expires_at timestamptz not null,
  primary key (server_id, kind, id)
);
create index agent_reference_by_owner on agent_reference (owner_id);
create index agent_reference_by_expiry on agent_reference (expires_at);

-- Tool servers of tenants, which speak the Model Context Protocol. Their tools are asked for, and kept nowhere.
create table mcp_server (
  server_id text primary key,
  tenant_id text not null,
  name text not null,
  url text not null,
  credential_id text not null default '',
  allowed_tools jsonb not null default '[]',
  usd_per_call text not null default '0',
  usd_per_call_by_tool jsonb not null default '{}',
  timeout_ms integer not null check (timeout_ms > 0),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, name)
);

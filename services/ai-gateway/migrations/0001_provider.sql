-- Providers that tenants added by call. Those of the configuration file are not stored: the file is their truth.
create table provider (
  provider_id text primary key,
  tenant_id text not null,
  name text not null,
  dialect text not null check (dialect in ('openai')),
  base_url text not null,
  credential_id text not null,
  models jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (tenant_id, name)
);

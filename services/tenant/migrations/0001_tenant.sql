create table tenant (
  tenant_id text primary key,
  name text not null,
  slug text not null unique,
  plan text not null,
  status text not null check (status in ('provisioning', 'active', 'suspended')),
  created_at timestamptz not null,
  updated_at timestamptz not null
);

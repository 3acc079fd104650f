-- Routes that tenants made by call. Those of the configuration are not stored: it is their truth.
create table route (
  tenant_id text not null,
  name text not null,
  strategy text not null,
  targets jsonb not null,
  version integer not null check (version > 0),
  updated_at timestamptz not null,
  primary key (tenant_id, name)
);

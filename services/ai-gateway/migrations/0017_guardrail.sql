-- Guardrails of tenants, and of the platform for all of them, whose tenant is empty.
create table guardrail (
  tenant_id text not null,
  name text not null,
  spec json not null,
  version integer not null check (version > 0),
  updated_at timestamptz not null,
  primary key (tenant_id, name)
);

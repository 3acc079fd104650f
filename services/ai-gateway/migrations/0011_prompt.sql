-- Prompts of tenants. A version never changes; labels say which of them is meant.
create table prompt (
  tenant_id text not null,
  name text not null,
  latest_version integer not null check (latest_version > 0),
  labels jsonb not null default '{}',
  updated_at timestamptz not null,
  primary key (tenant_id, name)
);

create table prompt_version (
  tenant_id text not null,
  name text not null,
  version integer not null check (version > 0),
  spec json not null,
  actor_id text not null,
  created_at timestamptz not null,
  primary key (tenant_id, name, version),
  foreign key (tenant_id, name) references prompt on delete cascade
);

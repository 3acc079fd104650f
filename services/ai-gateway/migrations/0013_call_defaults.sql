-- What a tenant's calls mean and say where they do not say it themselves: for all of them (key_id ''), or for those with one key.
create table call_defaults (
  tenant_id text not null,
  key_id text not null,
  -- Names that callers may write into `model`, and which model each means.
  aliases jsonb not null,
  parameters jsonb not null,
  version integer not null check (version > 0),
  updated_at timestamptz not null,
  primary key (tenant_id, key_id)
);

-- Limits on models and accounts that operators set by call. Those of the configuration are not stored: it is their truth.
create table model_limit (
  name text primary key,
  spec jsonb not null,
  version integer not null check (version > 0),
  updated_at timestamptz not null
);

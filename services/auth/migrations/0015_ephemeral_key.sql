-- What stands for a key for a short while, and may less than it: a peppered hash, never the secret. Something may be begun with it until
-- `expires_at`, and goes on until `ends_at` where there is one.
create table ephemeral_key (
  ephemeral_key_id text primary key,
  secret_hash bytea not null unique,
  key_id text not null references key,
  permissions jsonb not null,
  models jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  ends_at timestamptz
);
create index ephemeral_key_by_key on ephemeral_key (key_id);
create index ephemeral_key_by_expiry on ephemeral_key (expires_at);

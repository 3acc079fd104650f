-- Keys that sign access tokens. Every row is published; the newest signs.
create table signing_key (
  kid text primary key,
  public_key text not null,
  sealed_private_key bytea not null,
  created_at timestamptz not null
);

create table key (
  key_id text primary key,
  tenant_id text not null,
  user_id text not null,
  name text not null,
  prefix text not null,
  permissions jsonb not null,
  models jsonb not null,
  created_at timestamptz not null,
  created_by text not null,
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index key_by_tenant on key (tenant_id, key_id desc);
create index key_by_user on key (tenant_id, user_id, key_id desc);

-- What a key is recognised by: a peppered hash, never the secret. A key has one that lasts, and after a rotation one more
-- that expires.
create table key_secret (
  secret_hash bytea primary key,
  key_id text not null references key,
  created_at timestamptz not null,
  expires_at timestamptz
);
create index key_secret_by_key on key_secret (key_id);

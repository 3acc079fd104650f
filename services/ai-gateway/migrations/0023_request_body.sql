-- What tenants want kept of what is said in their calls. A tenant that is not here keeps nothing.
create table request_body_policy (
  tenant_id text primary key,
  -- Which calls, for how long, and what is taken out; as callers write it.
  spec jsonb not null,
  version integer not null check (version > 0),
  updated_at timestamptz not null,
  -- What began before is not written any more.
  purged_at timestamptz
);

-- A tenant's key, wrapped. Without it nothing that it has sealed opens again: to delete it is to forget all of it at once.
create table request_body_key (
  tenant_id text primary key,
  data_key_id text not null unique,
  wrapping_key_id text not null,
  wrapped bytea not null,
  created_at timestamptz not null
);

create table request_body (
  call_id text primary key,
  tenant_id text not null,
  -- Empty for a key that belongs to no person. With the person it goes.
  user_id text not null,
  key_id text not null,
  model text not null,
  surface text not null,
  data_key_id text not null,
  -- Request and answer, redacted, cut to their limit, compressed and sealed.
  sealed bytea not null,
  is_complete boolean not null,
  is_truncated boolean not null,
  started_at timestamptz not null,
  expires_at timestamptz not null
);
create index request_body_by_time on request_body (tenant_id, started_at desc, call_id desc);
create index request_body_by_user on request_body (user_id) where user_id <> '';
create index request_body_by_expiry on request_body (expires_at);
create index request_body_by_key on request_body (data_key_id);

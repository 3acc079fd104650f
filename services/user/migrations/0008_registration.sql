-- Somebody who is about to become a person: whoever registers, and whoever was invited. One that is completed stays until it expires, for
-- its answer may have been lost.
create table registration (
  registration_id text primary key,
  kind text not null check (kind in ('self', 'invitation')),
  token_hash bytea not null unique,
  -- Drawn beforehand, so that every step of the registration can name the person.
  user_id text not null unique,
  email text not null,
  -- Null for a tenant of one's own, which is made with the person.
  tenant_id text,
  organization text not null,
  role text not null check (role in ('operator', 'owner', 'admin', 'member', 'viewer')),
  -- Empty, and null, until an invitation is accepted.
  name text not null,
  password_hash text,
  locale text not null check (locale in ('en_US', 'zh_CN')),
  -- Empty for one who registers.
  invited_by text not null,
  -- Counts up when it was taken back, so that the next try is another one.
  attempt integer not null default 1,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  completed_at timestamptz
);
create index registration_by_tenant on registration (tenant_id, registration_id desc) where kind = 'invitation';
create index registration_by_email on registration (email);
create index registration_by_expiry on registration (expires_at);

-- True from when a registration has made a person until it is completed or has taken the person back.
alter table person add column is_pending boolean not null default false;

create table idempotency_key (
  scope text not null,
  key text not null,
  operation text not null,
  request_hash bytea not null,
  answer bytea not null,
  expires_at timestamptz not null,
  primary key (scope, key)
);
create index idempotency_key_by_expiry on idempotency_key (expires_at);

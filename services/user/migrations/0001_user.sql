-- Called person because user is a reserved word of SQL: an unquoted `from user` would read the session's own role.
create table person (
  user_id text primary key,
  tenant_id text not null,
  email text not null unique,
  name text not null,
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  status text not null check (status in ('active', 'inactive', 'suspended')),
  password_hash text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index person_by_tenant on person (tenant_id, user_id desc);

-- How often sign-in failed of late, per account and per network address. A subject is a keyed hash, for people type
-- their password into the wrong field.
create table sign_in_failure (
  subject text primary key,
  failures integer not null,
  last_failed_at timestamptz not null
);
create index sign_in_failure_by_time on sign_in_failure (last_failed_at);

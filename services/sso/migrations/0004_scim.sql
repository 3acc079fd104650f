-- What providers manage by SCIM (RFC 7643): each connection its own people and groups, under ids of its own.
create table scim_token (
  token_id text primary key,
  connection_id text not null references connection on delete cascade,
  tenant_id text not null,
  secret_hash bytea not null unique,
  -- What may be shown of the secret.
  prefix text not null,
  created_by text not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  -- Null for one without an end.
  expires_at timestamptz
);
create index scim_token_by_connection on scim_token (connection_id, token_id desc);
create index scim_token_by_expiry on scim_token (expires_at) where expires_at is not null;

create table scim_user (
  resource_id text collate "C" primary key,
  connection_id text not null references connection on delete cascade,
  tenant_id text not null,
  -- Null until the person is there: a create that was broken off is taken up by its repeat.
  user_id text unique,
  user_name text not null,
  -- In lower case; plain ASCII, so that two which look alike are two.
  user_name_key text collate "C" not null,
  external_id text collate "C" not null,
  email text not null,
  is_active boolean not null,
  attributes jsonb not null,
  version bigint not null check (version >= 1),
  -- Whether the person here, with status, name and groups, is still to follow.
  is_due boolean not null,
  -- Whether SCIM has ever told of groups of the person: what sign-ins say of them does not count then.
  is_grouped boolean not null default false,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (tenant_id, user_name_key)
);
create index scim_user_by_connection on scim_user (connection_id, resource_id);
create index scim_user_due on scim_user (updated_at) where is_due;

create table scim_group (
  resource_id text collate "C" primary key,
  connection_id text not null references connection on delete cascade,
  tenant_id text not null,
  display_name text not null,
  external_id text collate "C" not null,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (connection_id, display_name)
);
create index scim_group_by_connection on scim_group (connection_id, resource_id);

create table scim_member (
  group_id text collate "C" not null references scim_group on delete cascade,
  user_id text collate "C" not null references scim_user on delete cascade,
  primary key (group_id, user_id)
);
create index scim_member_by_user on scim_member (user_id);

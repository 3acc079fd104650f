-- Programs of a tenant that sign people in with Lyss.
create table client (
  client_id text primary key,
  tenant_id text not null,
  name text not null,
  -- Null for a public client.
  secret_hash bytea,
  redirect_uris text[] not null,
  post_logout_redirect_uris text[] not null,
  scopes text[] not null,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (tenant_id, name)
);

-- What the provider keeps: sessions of browsers, interactions, codes, tokens, grants. Ids are hashed: they are credentials.
create table provider_item (
  model text not null,
  id_hash bytea not null,
  -- Of the grant that a code or token belongs to.
  grant_hash bytea,
  -- By what tokens name the session of a browser.
  uid_hash bytea,
  sealed bytea not null,
  consumed_at timestamptz,
  expires_at timestamptz not null,
  primary key (model, id_hash)
);
create index provider_item_by_grant on provider_item (grant_hash) where grant_hash is not null;
create unique index provider_item_by_uid on provider_item (uid_hash) where uid_hash is not null;
create index provider_item_by_expiry on provider_item (expires_at);

-- On which of our sessions a browser's session at the provider stands.
create table provider_login (
  uid_hash bytea primary key,
  session_id text not null,
  tenant_id text not null,
  user_id text not null,
  expires_at timestamptz not null
);
create index provider_login_by_expiry on provider_login (expires_at);

-- What people let programs know of them.
create table consent (
  user_id text not null,
  client_id text not null references client on delete cascade,
  scopes text[] not null,
  given_at timestamptz not null,
  primary key (user_id, client_id)
);

-- Keys that sign ID tokens.
create table provider_key (
  kid text primary key,
  sealed_private_key bytea not null,
  created_at timestamptz not null,
  signs_from timestamptz not null
);

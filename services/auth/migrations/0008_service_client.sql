-- Programs that call with tokens of their own (RFC 6749, 4.4). They belong to a tenant, not to a person.
create table service_client (
  client_id text primary key,
  tenant_id text not null,
  name text not null,
  description text not null,
  prefix text not null,
  permissions text[] not null,
  -- Empty for all; so is allowed_ips.
  models text[] not null,
  allowed_ips text[] not null,
  created_at timestamptz not null,
  created_by text not null,
  updated_at timestamptz not null,
  -- Who gave it its permissions: it holds them as far as that person does.
  granted_by text not null,
  expires_at timestamptz,
  disabled_at timestamptz,
  last_used_at timestamptz
);
create index service_client_by_tenant on service_client (tenant_id, client_id desc);
create index service_client_by_grantor on service_client (tenant_id, granted_by);

-- Keyed hashes. A client has one that lasts, and after a rotation one more that expires.
create table service_client_secret (
  secret_hash bytea primary key,
  client_id text not null references service_client on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz
);
create index service_client_secret_by_client on service_client_secret (client_id);

-- Each token of a client is a session without a refresh token: what was said of sessions holds of it.
alter table session
  add client_id text references service_client on delete cascade,
  -- What the token was asked for; null for all that its client holds.
  add scope text[];
create index session_by_client on session (client_id, expires_at) where client_id is not null;

-- Ways of a tenant's people to sign on from elsewhere.
create table connection (
  connection_id text primary key,
  tenant_id text not null,
  name text not null,
  is_enabled boolean not null,
  -- What the provider is known by, and what holds for its people.
  party jsonb not null,
  rules jsonb not null,
  -- Sealed; null for a public client.
  sealed_secret bytea,
  version bigint not null check (version >= 1),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (tenant_id, name)
);

create table connection_domain (
  tenant_id text not null,
  domain text not null,
  connection_id text not null references connection on delete cascade,
  primary key (tenant_id, domain)
);
create index connection_domain_by_connection on connection_domain (connection_id);

-- Sign-ins that were begun and have not come back: each is taken once.
create table sign_in (
  state_hash bytea primary key,
  connection_id text not null references connection on delete cascade,
  -- Hash of what the browser keeps in a cookie.
  browser_hash bytea not null,
  sealed bytea not null,
  expires_at timestamptz not null
);
create index sign_in_by_expiry on sign_in (expires_at);

-- People who came back well and have no session yet: each code is taken once.
create table exchange_code (
  code_hash bytea primary key,
  connection_id text not null references connection on delete cascade,
  -- What the one who began the sign-in can show (RFC 7636, S256).
  code_challenge text not null,
  sealed bytea not null,
  expires_at timestamptz not null
);
create index exchange_code_by_expiry on exchange_code (expires_at);

-- Which session of ours stands on which of the provider's.
create table federated_session (
  session_id text primary key,
  connection_id text not null references connection on delete cascade,
  tenant_id text not null,
  user_id text not null,
  subject text not null,
  provider_session text not null,
  -- The provider's proof, which it wants to see again at the end; sealed, null when there is none.
  sealed_proof bytea,
  expires_at timestamptz not null
);
create index federated_session_by_subject on federated_session (connection_id, subject);
create index federated_session_by_expiry on federated_session (expires_at);

-- What a provider sent and must not send again: ids of logout tokens and assertions.
create table seen_message (
  connection_id text not null references connection on delete cascade,
  message_id text not null,
  expires_at timestamptz not null,
  primary key (connection_id, message_id)
);
create index seen_message_by_expiry on seen_message (expires_at);

-- Memberships that a connection gave, and therefore may take back.
create table given_membership (
  connection_id text not null references connection on delete cascade,
  user_id text not null,
  group_id text not null,
  role text not null,
  -- While group has not heard of the person yet: until when it is tried again.
  pending_until timestamptz,
  primary key (connection_id, user_id, group_id)
);
create index given_membership_pending on given_membership (pending_until) where pending_until is not null;

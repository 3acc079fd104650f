-- Who is signed in. Access tokens name the session, refresh tokens belong to it.
create table session (
  session_id text primary key,
  tenant_id text not null,
  user_id text not null,
  methods jsonb not null,
  client_address text not null,
  user_agent text not null,
  created_at timestamptz not null,
  -- When a second factor was last shown.
  factor_at timestamptz,
  last_seen_at timestamptz not null,
  -- The latest end, whatever is done.
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text
);
create index session_by_person on session (tenant_id, user_id, session_id desc);
create index session_by_expiry on session (expires_at);

-- Refresh tokens as keyed hashes. A used one is kept until it expires, so that a repeat is recognised.
create table refresh_token (
  token_hash bytea primary key,
  session_id text not null references session on delete cascade,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  -- When the pair that followed was given to whoever asked; not known where the database was lost in between.
  answered_at timestamptz,
  -- That pair, which opens with the token alone; kept for repeats within the grace.
  sealed_successor bytea
);
create index refresh_token_by_session on refresh_token (session_id);
create index refresh_token_by_expiry on refresh_token (expires_at);
create index refresh_token_by_use on refresh_token (used_at) where sealed_successor is not null;

-- What auth is told of people and, with an empty user_id, of tenants as a whole.
create table principal (
  tenant_id text not null,
  user_id text not null,
  role text not null,
  is_barred boolean not null,
  version bigint not null,
  primary key (tenant_id, user_id)
);

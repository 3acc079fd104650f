-- Second factors: one-time code generators (RFC 6238) and passkeys (WebAuthn). An enrolment that was not confirmed has
-- a time at which it is swept, and counts for nothing.
create table factor (
  factor_id text primary key,
  tenant_id text not null,
  user_id text not null,
  kind text not null check (kind in ('totp', 'passkey')),
  name text not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  expires_at timestamptz,
  sealed_secret bytea,
  last_step bigint not null default 0,
  credential_id text unique,
  public_key bytea,
  counter bigint not null default 0,
  transports jsonb not null default '[]',
  is_synced boolean not null default false,
  check ((kind = 'totp') = (sealed_secret is not null)),
  check ((kind = 'passkey') = (credential_id is not null and public_key is not null))
);
create index factor_by_user on factor (user_id, factor_id);
create index factor_by_expiry on factor (expires_at) where expires_at is not null;

-- One row for each person who has to do with factors: locked while they change or are tried, and how often of late a code
-- was wrong.
create table factor_holder (
  user_id text primary key,
  failures integer not null,
  last_failed_at timestamptz not null
);

-- Keyed hashes. A code that was used is gone.
create table recovery_code (
  user_id text not null,
  code_hash bytea not null,
  primary key (user_id, code_hash)
);

-- Challenges that a passkey has answered. One that nobody answers is stored nowhere: it is a signed text.
create table answered_challenge (
  challenge_hash bytea primary key,
  expires_at timestamptz not null
);
create index answered_challenge_by_expiry on answered_challenge (expires_at);

-- Sign-ins whose password was right and whose second factor is still to be shown. Tokens as keyed hashes.
create table sign_in_challenge (
  token_hash bytea primary key,
  tenant_id text not null,
  user_id text not null,
  role text not null,
  methods jsonb not null,
  client_address text not null,
  user_agent text not null,
  attempts integer not null default 0,
  expires_at timestamptz not null
);
create index sign_in_challenge_by_expiry on sign_in_challenge (expires_at);
create index sign_in_challenge_by_user on sign_in_challenge (user_id);

-- When the person of a session last proved to be that person, by the strongest means that they have.
alter table session add proven_at timestamptz;

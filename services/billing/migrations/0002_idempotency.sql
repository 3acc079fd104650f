-- Answers to requests that came with an idempotency key, for 24 h (kit/idempotency). Sealed: an answer may hold a secret.
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

-- With what a session begins that is opened by an ephemeral key: its model, and its settings, sealed.
create table ephemeral_session (
  ephemeral_key_id text primary key,
  tenant_id text not null,
  key_id text not null,
  model text not null,
  settings bytea not null,
  expires_at timestamptz not null
);
create index ephemeral_session_by_key on ephemeral_session (key_id, expires_at);
create index ephemeral_session_by_expiry on ephemeral_session (expires_at);

-- Calls that came with an idempotency key, for 24 h: one that is under way has no answer yet. Answers are sealed.
create table answer_once (
  tenant_id text not null,
  key text not null,
  request_hash bytea not null,
  call_id text not null,
  -- Until then the node that serves the call is believed to live.
  claimed_until timestamptz not null,
  state text not null default 'open' check (state in ('open', 'kept', 'too_large')),
  content_type text not null default '',
  answer bytea not null default '',
  expires_at timestamptz not null,
  primary key (tenant_id, key)
);
create index answer_once_by_expiry on answer_once (expires_at);
create index answer_once_open on answer_once (call_id) where state = 'open';

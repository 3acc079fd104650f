-- Answers that are given again to whoever of the tenant asks the same. They are sealed, and so is what was asked: a keyed digest.
create table cached_answer (
  tenant_id text not null,
  request_hash bytea not null,
  -- Who asked first: with that person the answer goes.
  owner_id text not null,
  call_id text not null,
  provider text not null,
  model text not null,
  -- What the provider counted, by bucket: strings of digits.
  usage jsonb not null,
  content_type text not null,
  answer bytea not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, request_hash)
);
create index cached_answer_by_expiry on cached_answer (expires_at);
create index cached_answer_by_owner on cached_answer (owner_id);

-- Tenants whose calls are answered from there without asking for it.
create table cache_policy (
  tenant_id text primary key,
  max_age_seconds integer not null check (max_age_seconds > 0),
  -- Only calls with these keys; all when empty.
  keys jsonb not null,
  version integer not null check (version > 0),
  updated_at timestamptz not null
);

-- A price never changes: a new one is a new version. An empty tenant_id holds for every tenant without a price of its own.
create table price (
  price_id text primary key,
  tenant_id text not null,
  provider text not null,
  model text not null,
  version integer not null,
  currency text not null,
  input_nanos_per_million bigint not null check (input_nanos_per_million >= 0),
  cached_input_nanos_per_million bigint not null check (cached_input_nanos_per_million >= 0),
  output_nanos_per_million bigint not null check (output_nanos_per_million >= 0),
  created_at timestamptz not null default now(),
  unique (tenant_id, provider, model, version)
);

-- The balance is the sum of the journal's entries; it is kept here to be locked and checked.
create table wallet (
  wallet_id text primary key,
  tenant_id text not null,
  currency text not null,
  balance_nanos bigint not null default 0,
  held_nanos bigint not null default 0,
  created_at timestamptz not null default now(),
  unique (tenant_id, currency),
  constraint held_within_balance check (held_nanos between 0 and balance_nanos)
);

-- Money set aside for a call in flight. The row lives as long as the hold is open: a hold is resolved once, by deleting it.
-- Wallet and price are named without a foreign key, here and in usage: neither can be deleted, both are read in the same
-- transaction, and checking them again costs more than the insert.
create table hold (
  call_id text primary key,
  wallet_id text not null,
  tenant_id text not null,
  request_id text not null,
  key_id text not null,
  user_id text not null,
  provider text not null,
  model text not null,
  price_id text not null,
  amount_nanos bigint not null check (amount_nanos >= 0),
  output_tokens bigint not null check (output_tokens >= 0),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index hold_expires_at on hold (expires_at);
-- Rows live for seconds: what they leave behind is swept by count, not by share of a table that is nearly empty.
alter table hold set (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

create table usage (
  call_id text primary key,
  wallet_id text not null,
  tenant_id text not null,
  request_id text not null,
  key_id text not null,
  user_id text not null,
  provider text not null,
  model text not null,
  price_id text not null,
  outcome text not null check (outcome in ('completed', 'failed', 'canceled', 'truncated', 'lost')),
  input_tokens bigint not null check (input_tokens >= 0),
  cached_input_tokens bigint not null check (cached_input_tokens >= 0),
  output_tokens bigint not null check (output_tokens >= 0),
  is_estimated boolean not null,
  cost_nanos bigint not null check (cost_nanos >= 0),
  uncollected_nanos bigint not null check (uncollected_nanos >= 0),
  latency_ms bigint not null,
  created_at timestamptz not null default now()
);
create index usage_by_time on usage (tenant_id, created_at desc, call_id desc);

-- The journal: a posting moves money between accounts; its entries sum to zero.
create table posting (
  posting_id text primary key,
  kind text not null check (kind in ('top_up', 'charge')),
  reference text not null,
  currency text not null,
  created_at timestamptz not null default now(),
  unique (kind, reference)
);

-- Accounts are `wallet:<id>` (what we owe a tenant), `revenue`, `funding:grant` and `funding:manual`.
create table entry (
  posting_id text not null references posting,
  account text not null,
  amount_nanos bigint not null check (amount_nanos <> 0),
  primary key (posting_id, account)
);
create index entry_by_account on entry (account);

-- Each statement's entries must sum to zero per posting, and then so does every posting. Only what was inserted is looked at:
-- a check that reads the journal grows with it.
create function refuse_unbalanced() returns trigger language plpgsql as $$
begin
  if exists (select from inserted group by posting_id having sum(amount_nanos) <> 0) then
    raise exception 'the entries of a posting must sum to zero';
  end if;
  return null;
end $$;

create trigger entries_balance after insert on entry
  referencing new table as inserted for each statement execute function refuse_unbalanced();

revoke update, delete, truncate on price, posting, entry from lyss_billing;
revoke delete, truncate on usage, wallet from lyss_billing;

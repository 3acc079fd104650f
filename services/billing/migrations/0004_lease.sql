-- Money of a wallet that a gateway node spends by itself. The amount is what is still set aside: what was granted, less
-- what the facts drawn from it have cost, less what came back.
create table lease (
  lease_id text primary key,
  node_id text not null,
  wallet_id text not null,
  tenant_id text not null,
  amount_nanos bigint not null check (amount_nanos >= 0),
  -- The last change and what it came to: a repeat is told the same.
  change_number integer not null,
  change_nanos bigint not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index lease_expires_at on lease (expires_at);
create index lease_by_wallet on lease (wallet_id) where amount_nanos > 0;

-- A call may take several attempts; each is a row.
alter table usage
  add column attempt smallint not null default 1 check (attempt > 0),
  add column lease_id text not null default '',
  add column posting_id text not null default '',
  add column started_at timestamptz;
alter table usage drop constraint usage_pkey, add primary key (call_id, attempt);

-- One posting for all attempts of a batch that one wallet paid for; their rows name it.
alter table posting drop constraint posting_kind_check,
  add constraint posting_kind_check check (kind in ('top_up', 'charge', 'usage'));

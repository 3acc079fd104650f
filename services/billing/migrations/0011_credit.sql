-- What calls have ever cost a wallet: the sum of its charges, kept where they are written. The use of a grant is told by how
-- far this has come since.
alter table wallet add column spent_nanos bigint not null default 0 check (spent_nanos >= 0);

-- Credit that ends. `left_nanos` is what was left when the wallet had spent `spent_mark_nanos`; a wallet's open grants all have
-- the same mark.
create table credit_grant (
  grant_id text primary key,
  wallet_id text not null references wallet,
  tenant_id text not null,
  reference text not null,
  reason text not null,
  created_by text not null,
  amount_nanos bigint not null check (amount_nanos > 0),
  left_nanos bigint not null check (left_nanos between 0 and amount_nanos),
  spent_mark_nanos bigint not null,
  expired_nanos bigint not null default 0 check (expired_nanos between 0 and amount_nanos),
  expiries integer not null default 0,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  ended_at timestamptz,
  unique (wallet_id, reference)
);
create index credit_grant_open on credit_grant (wallet_id) where ended_at is null;
create index credit_grant_by_expiry on credit_grant (expires_at) where ended_at is null;

-- Codes that were made together. A code itself is shown once and stands here as its HMAC.
create table code_batch (
  batch_id text primary key,
  name text not null,
  currency text not null,
  amount_nanos bigint not null check (amount_nanos > 0),
  code_count integer not null check (code_count > 0),
  max_uses integer not null check (max_uses > 0),
  is_once_per_tenant boolean not null,
  expires_at timestamptz,
  created_at timestamptz not null,
  created_by text not null,
  disabled_at timestamptz
);
create table code (
  code_hash bytea primary key,
  batch_id text not null references code_batch,
  uses integer not null default 0 check (uses >= 0)
);
create index code_by_batch on code (batch_id);

-- A tenant redeems a code once, and one code of a batch that is meant for one each.
create table code_redemption (
  redemption_id text primary key,
  code_hash bytea not null references code,
  batch_id text not null,
  is_once_per_tenant boolean not null,
  tenant_id text not null,
  user_id text not null,
  redeemed_at timestamptz not null,
  unique (code_hash, tenant_id)
);
create unique index code_redemption_once on code_redemption (batch_id, tenant_id) where is_once_per_tenant;

-- What was given back for calls: never more than they cost.
create table call_refund (
  refund_id text primary key,
  call_id text not null,
  tenant_id text not null,
  wallet_id text not null,
  reference text not null,
  reason text not null,
  created_by text not null,
  amount_nanos bigint not null check (amount_nanos > 0),
  created_at timestamptz not null,
  unique (call_id, reference)
);

-- What operators put in or took out, and why.
create table adjustment (
  adjustment_id text primary key,
  wallet_id text not null,
  tenant_id text not null,
  reference text not null,
  reason text not null,
  created_by text not null,
  amount_nanos bigint not null check (amount_nanos <> 0),
  created_at timestamptz not null,
  unique (wallet_id, reference)
);

revoke delete, truncate on credit_grant, code_batch, code, code_redemption, call_refund, adjustment from lyss_billing;
revoke update on code_redemption, call_refund, adjustment from lyss_billing;

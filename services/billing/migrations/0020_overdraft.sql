-- How far a tenant may spend beyond what it has. The money of that line is in the wallet, lent by the account overdraft:<wallet id>: so all
-- that holds of a wallet's money holds of it too, and a balance is what is there less what is lent.
alter table wallet add column credit_limit_nanos bigint not null default 0 check (credit_limit_nanos >= 0);

-- Who set it to what, by the name under which it was asked for.
create table credit_limit_change (
  wallet_id text not null references wallet,
  reference text not null,
  limit_nanos bigint not null check (limit_nanos >= 0),
  before_nanos bigint not null check (before_nanos >= 0),
  reason text not null,
  created_by text not null,
  created_at timestamptz not null,
  primary key (wallet_id, reference)
);

revoke update, delete, truncate on credit_limit_change from lyss_billing;

-- Money that goes back to whoever paid an order. It leaves the wallet first, then the provider is asked; it is resolved once.
create table payment_refund (
  refund_id text primary key,
  order_id text not null references payment_order,
  tenant_id text not null,
  reference text not null,
  reason text not null,
  created_by text not null,
  currency text not null,
  amount_nanos bigint not null check (amount_nanos > 0),
  state text not null check (state in ('pending', 'paid', 'failed')),
  created_at timestamptz not null,
  ended_at timestamptz,
  tries integer not null default 0,
  next_try_at timestamptz,
  unique (order_id, reference)
);
create index payment_refund_by_try on payment_refund (next_try_at) where next_try_at is not null;

-- What was taken from us without our doing: a payer's dispute, or a refund made at the provider. Named as the provider does.
create table payment_reversal (
  provider text not null,
  reversal_id text not null,
  order_id text not null references payment_order,
  kind text not null check (kind in ('refund', 'dispute')),
  amount_nanos bigint not null check (amount_nanos > 0),
  state text not null check (state in ('open', 'won', 'lost')),
  created_at timestamptz not null,
  primary key (provider, reversal_id)
);
create index payment_reversal_by_order on payment_reversal (order_id);

revoke delete, truncate on payment_refund, payment_reversal from lyss_billing;

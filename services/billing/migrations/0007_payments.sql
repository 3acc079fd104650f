-- What a tenant wants to pay. It is credited once, when its provider says that exactly this amount was paid.
create table payment_order (
  order_id text primary key,
  tenant_id text not null,
  wallet_id text not null references wallet,
  user_id text not null,
  provider text not null,
  currency text not null,
  amount_nanos bigint not null check (amount_nanos > 0),
  state text not null check (state in ('created', 'pending', 'processing', 'paid', 'failed', 'expired')),
  success_url text not null,
  cancel_url text not null,
  -- What the provider calls the order and the payment; null until that is known.
  session_id text,
  checkout_url text,
  payment_id text,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  ended_at timestamptz,
  -- When to ask the provider, should it say nothing by itself; null when there is nothing left to ask.
  next_poll_at timestamptz,
  polls integer not null default 0,
  unique (provider, session_id),
  unique (provider, payment_id)
);
create index payment_order_by_tenant on payment_order (tenant_id, order_id desc);
create index payment_order_by_poll on payment_order (next_poll_at) where next_poll_at is not null;

-- Notifications of providers that took effect: a repeat has none.
create table payment_event (
  provider text not null,
  event_id text not null,
  type text not null,
  order_id text not null,
  received_at timestamptz not null,
  primary key (provider, event_id)
);

revoke delete, truncate on payment_order, payment_event from lyss_billing;
revoke update on payment_event from lyss_billing;

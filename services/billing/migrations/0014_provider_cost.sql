-- What a provider's model costs us. A version never changes; it is in force from when it was written until the next one is.
-- Rates are strings of digits by bucket: nanos per million.
create table cost_price (
  cost_price_id text primary key,
  provider text not null,
  model text not null,
  version integer not null,
  currency text not null,
  rates jsonb not null check (jsonb_typeof(rates) = 'object'),
  created_at timestamptz not null default now(),
  unique (provider, model, version)
);

-- Attempts for which no customer pays, because another attempt of their call answered. What they cost us is looked up as for
-- those in `usage`: both together are the ledger of what providers cost.
create table provider_attempt (
  call_id text not null,
  attempt smallint not null check (attempt > 0),
  tenant_id text not null,
  provider text not null,
  model text not null,
  outcome text not null check (outcome in ('completed', 'failed', 'canceled', 'truncated', 'lost')),
  input_tokens bigint not null check (input_tokens >= 0),
  cached_input_tokens bigint not null check (cached_input_tokens >= 0),
  output_tokens bigint not null check (output_tokens >= 0),
  other_buckets jsonb,
  is_estimated boolean not null,
  started_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (call_id, attempt)
);
create index provider_attempt_by_time on provider_attempt (provider, started_at);

-- A provider's report beside our ledger.
create table reconciliation (
  reconciliation_id text primary key,
  provider text not null,
  currency text not null,
  state text not null check (state in ('matched', 'drift')),
  from_day date not null,
  to_day date not null,
  tolerance_nanos bigint not null,
  tolerance_ppm integer not null,
  lines integer not null,
  reported_nanos bigint not null,
  recorded_nanos bigint not null,
  drift_nanos bigint not null,
  corrected_attempts integer not null,
  refunded_nanos bigint not null,
  charged_nanos bigint not null,
  differences jsonb not null,
  created_at timestamptz not null default now()
);
create index reconciliation_by_time on reconciliation (created_at desc, reconciliation_id desc);

-- What a report says beyond what was recorded of an attempt whose tokens or cost were not known for sure.
create table provider_correction (
  call_id text not null,
  attempt smallint not null,
  reconciliation_id text not null references reconciliation deferrable initially deferred,
  provider text not null,
  model text not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  -- Where the cost was not known before, all of it.
  cost_nanos bigint not null,
  started_at timestamptz not null,
  primary key (call_id, attempt, reconciliation_id)
);
create index provider_correction_by_time on provider_correction (provider, started_at);

revoke update, delete, truncate on cost_price, provider_attempt, reconciliation, provider_correction from lyss_billing;

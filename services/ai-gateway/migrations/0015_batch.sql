-- Files and batches lie at one account of a provider. The names that callers get say nothing of it: here stands whose they are, and where.
create table file (
  file_id text primary key,
  tenant_id text not null,
  -- The user who asked, or the key where it belongs to no user: nobody else may see it.
  owner_id text not null,
  provider_id text not null,
  upstream_id text not null,
  purpose text not null check (purpose in ('batch', 'batch_output')),
  file_name text not null,
  bytes bigint not null check (bytes >= 0),
  -- What its requests ask: one model, as they name it and as the provider's account has it, at one endpoint.
  model text not null,
  target_model text not null,
  endpoint text not null,
  -- Of each request in their order: its custom id, and the most that goes in and comes out. Null for answers.
  requests jsonb,
  created_at timestamptz not null,
  -- Shown to nobody from then on; the row goes when the provider has removed the file, and no batch needs it.
  removed_at timestamptz
);
create index file_by_owner on file (tenant_id, owner_id, file_id);
create index file_by_owner_alone on file (owner_id);
create index file_removed on file (removed_at) where removed_at is not null;

create table batch (
  batch_id text primary key,
  tenant_id text not null,
  owner_id text not null,
  key_id text not null,
  user_id text not null,
  request_id text not null,
  tags text not null,
  input_file_id text not null,
  provider_id text not null,
  model text not null,
  target_model text not null,
  endpoint text not null,
  metadata jsonb,
  -- The price at which its requests are charged, and the most that they may cost.
  price_id text not null,
  most_nanos bigint not null check (most_nanos >= 0),
  most_tokens bigint not null check (most_tokens >= 0),
  -- Once the money is set aside, in a lease that bears the batch's name.
  is_held boolean not null,
  -- Once the provider has taken it.
  upstream_id text,
  is_cancel_wanted boolean not null,
  status text not null check (status in ('validating', 'in_progress', 'finalizing', 'completed', 'failed', 'expired', 'cancelling', 'cancelled')),
  -- Counts, times and errors, as they are shown.
  progress jsonb not null,
  output_file_id text,
  error_file_id text,
  -- Once it has ended, what it used is charged, and the rest of its money is back.
  is_settled boolean not null,
  -- Until then one node is at work on it.
  claimed_until timestamptz,
  polled_at timestamptz,
  created_at timestamptz not null
);
create index batch_by_owner on batch (tenant_id, owner_id, batch_id);
create index batch_by_owner_alone on batch (owner_id);
create index batch_open on batch (polled_at) where not is_settled;
create index batch_by_input on batch (input_file_id);

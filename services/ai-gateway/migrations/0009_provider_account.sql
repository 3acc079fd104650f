-- How it stands with the account behind each provider, for all nodes: whoever changes the state says so, once. Of the
-- configuration's providers too; their tenant is empty.
create table provider_account (
  provider_id text primary key,
  tenant_id text not null,
  state text not null default 'well' check (state in ('well', 'parked', 'ejected')),
  -- Of the refusal; 0 where there was none.
  status integer not null default 0,
  changed_at timestamptz not null default now(),
  -- Before this no other node probes it.
  probe_due_at timestamptz
);

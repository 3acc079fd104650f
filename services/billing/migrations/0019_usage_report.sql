-- Usage that was reported by name, and what came of it: a repeat is known by its name, told apart by its hash, and answered the same.
create table usage_report (
  tenant_id text not null,
  report_id text not null,
  content_hash text not null,
  call_id text not null,
  price_id text not null default '',
  cost_nanos bigint not null default 0,
  posting_id text not null default '',
  started_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (tenant_id, report_id)
);

-- A look at everything that must hold of the money: wanted by an operator or by the schedule, done by whichever node comes
-- first. A node that stops in the middle lets go of it at `claimed_until`.
create table integrity_run (
  run_id text primary key,
  cause text not null check (cause in ('schedule', 'operator')),
  state text not null default 'wanted' check (state in ('wanted', 'running', 'passed', 'failed')),
  wanted_at timestamptz not null default now(),
  started_at timestamptz,
  claimed_until timestamptz,
  ended_at timestamptz,
  wallets bigint not null default 0,
  postings bigint not null default 0,
  usage_rows bigint not null default 0,
  finding_count bigint not null default 0,
  -- The first of them.
  findings jsonb not null default '[]',
  -- SHA-256 over the heads of all chains.
  digest text not null default ''
);
create index integrity_run_by_time on integrity_run (wanted_at desc, run_id desc);
create unique index integrity_run_open on integrity_run ((true)) where ended_at is null;

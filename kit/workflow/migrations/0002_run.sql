-- What is known of runs without asking the engine, so that who looks at them need not host them. `seq` is the order in
-- which they began.
create table run (
  run_id text primary key,
  seq bigint generated always as identity,
  service text not null,
  saga text not null,
  state text not null default 'running' check (state in ('running', 'parked', 'done', 'compensated', 'failed')),
  -- Steps before the pivot at which it may wait: there a cancel wakes it.
  waits text[] not null,
  failure jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz
);
create unique index run_by_seq on run (seq);
create index run_by_state on run (state, seq);

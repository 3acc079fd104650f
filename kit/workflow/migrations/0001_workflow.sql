-- Who executes runs. A node that has not beaten for a while is dead, and its runs are taken over.
create table node (
  id text primary key,
  beat_at timestamptz not null default now()
);

-- Runs that wait for a person, until they are resumed. `parking` numbers the times a run was parked.
create table parked_run (
  run_id text primary key,
  parking int not null,
  step text not null,
  failure_code text not null,
  failure_text text not null,
  parked_at timestamptz not null default now()
);

-- Runs that shall turn back before their next step.
create table canceled_run (
  run_id text primary key,
  canceled_at timestamptz not null default now()
);

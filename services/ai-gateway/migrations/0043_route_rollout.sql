-- What a route of a tenant's is to become, tried by a share of its callers first; the last of each route. Counts are of the stage that it is in.
create table route_rollout (
  tenant_id text not null,
  name text not null,
  rollout_id text not null unique,
  spec jsonb not null,
  percent integer not null check (percent between 1 and 99),
  gates jsonb not null,
  state text not null check (state in ('running', 'promoted', 'stopped', 'rolled_back')),
  reason text not null,
  counts jsonb not null,
  started_at timestamptz not null,
  staged_at timestamptz not null,
  ended_at timestamptz,
  primary key (tenant_id, name),
  foreign key (tenant_id, name) references route on delete cascade
);

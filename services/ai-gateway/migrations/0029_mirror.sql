-- Where a share of a route's calls also goes, for comparison: provider, model and share; null for nowhere.
alter table route add column mirror jsonb;

-- Calls that were also sent there, with how both ended. It names no person, and holds nothing of what was said.
create table mirrored_call (
  mirror_call_id text primary key,
  call_id text not null,
  tenant_id text not null,
  route text not null,
  first jsonb not null,
  mirror jsonb not null,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index mirrored_call_by_route on mirrored_call (tenant_id, route, created_at desc);
create index mirrored_call_by_expiry on mirrored_call (expires_at);

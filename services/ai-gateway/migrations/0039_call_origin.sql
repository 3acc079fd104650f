-- The route and prompt of a call with one, for scores that come when how it was routed is forgotten (choice). It names no person.
create table call_origin (
  call_id text primary key,
  tenant_id text not null,
  route text not null,
  route_version integer,
  prompt text not null,
  prompt_version integer,
  expires_at timestamptz not null
);
create index call_origin_by_expiry on call_origin (expires_at);

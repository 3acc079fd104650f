-- How each call of a name with several targets was chosen where it goes, and what answers from the cache have saved. It names no person:
-- who may see it may see the call's receipt.
create table choice (
  call_id text primary key,
  tenant_id text not null,
  record json not null,
  expires_at timestamptz not null
);
create index choice_by_expiry on choice (expires_at);

-- A client proves who it is by a secret, or by assertions that it signs (RFC 7523): by keys that stand here, or at an address.
alter table service_client
  add jwks jsonb,
  add jwks_uri text,
  add check (jwks is null or jwks_uri is null);

-- Assertions that were used, for as long as they could be used again.
create table client_assertion (
  client_id text not null references service_client on delete cascade,
  jti text not null,
  expires_at timestamptz not null,
  primary key (client_id, jti)
);
create index client_assertion_by_end on client_assertion (expires_at);

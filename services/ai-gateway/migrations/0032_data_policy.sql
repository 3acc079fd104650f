-- What tenants allow to be kept of what is said in their calls, as the tenant service has told it. A tenant that is not here has said
-- nothing: its bodies are not kept.
create table data_policy (
  tenant_id text primary key,
  version bigint not null check (version > 0),
  retention_days integer not null check (retention_days > 0),
  store_bodies boolean not null,
  redact text[] not null
);

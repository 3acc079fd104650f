-- The model by which calls of a route are compared with the examples of its targets; null where nothing is compared.
alter table route add column embedding text;

-- Examples as vectors, each made once for a tenant and a model. Without a vector it is being made: until then nobody else makes it.
create table example_vector (
  tenant_id text not null,
  model_hash bytea not null,
  text_hash bytea not null,
  vector bytea,
  claimed_until timestamptz not null,
  expires_at timestamptz not null,
  primary key (tenant_id, model_hash, text_hash)
);
create index example_vector_by_expiry on example_vector (expires_at);

-- A projection of billing.usage.recorded: what was used in each hour (UTC) in which it was settled.
create table usage_hour (
  tenant_id text not null,
  hour timestamptz not null,
  key_id text not null,
  user_id text not null,
  provider text not null,
  model text not null,
  calls bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  output_tokens bigint not null,
  cost_nanos bigint not null,
  uncollected_nanos bigint not null,
  primary key (tenant_id, hour, key_id, user_id, provider, model)
);
create table usage_hour_rebuild (like usage_hour including all);

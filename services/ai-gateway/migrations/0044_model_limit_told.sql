-- When it was last told that a limit was met: by whichever node, at most once a minute. Without a tenant for one that counts all together.
create table model_limit_told (
  name text not null,
  tenant_id text not null,
  told_at timestamptz not null,
  primary key (name, tenant_id)
);

-- Roles that a tenant has made: what they may do beside the built-in ones, which the program knows.
create table tenant_role (
  tenant_id text not null,
  name text not null,
  title text not null,
  description text not null,
  permissions text[] not null,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (tenant_id, name)
);
-- Who has a role is asked before it is removed.
create index principal_by_role on principal (tenant_id, role) where user_id <> '';

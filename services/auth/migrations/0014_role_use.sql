-- Which roles settings give that others keep: `tenant` stands for a tenant's default, else it is the id of a sign-on connection. A role
-- is not removed while one gives it.
create table role_use (
  tenant_id text not null,
  used_by text not null,
  roles text[] not null,
  version bigint not null,
  primary key (tenant_id, used_by)
);

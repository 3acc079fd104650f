-- What groups give: who is in which, below which it is, and what its members hold in the tenant. As the groups' events tell it.
create table group_access (
  group_id text primary key,
  tenant_id text not null,
  -- Empty at the top.
  parent_id text not null,
  permissions text[] not null default '{}',
  is_archived boolean not null default false
);
create table group_access_member (
  group_id text not null,
  user_id text not null,
  tenant_id text not null,
  role text not null,
  primary key (group_id, user_id)
);
create index group_access_member_by_person on group_access_member (tenant_id, user_id);

-- How a tenant's people may sign in, as tenants tell it. 0 and empty for the installation's own limits.
create table sign_in_policy (
  tenant_id text primary key,
  sign_in_methods text[] not null,
  session_idle_minutes integer not null,
  session_lifetime_hours integer not null,
  require_mfa boolean not null,
  version bigint not null
);

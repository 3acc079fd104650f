-- The tenant's groups as they are: written with each event, for lists, for names that must be unique and for the limit.
-- Called tenant_group because group is a reserved word of SQL.
create table tenant_group (
  group_id text primary key,
  tenant_id text not null,
  name text not null,
  -- The name in one form, by which two of them are the same.
  name_key text not null,
  description text not null,
  status text not null check (status in ('active', 'archived')),
  member_count integer not null check (member_count >= 0),
  version bigint not null check (version >= 1),
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index tenant_group_name on tenant_group (tenant_id, name_key) where status = 'active';
create index tenant_group_by_tenant on tenant_group (tenant_id, group_id desc);

-- A projection of the groups' events: who is in which group.
create table membership (
  group_id text not null,
  user_id text not null,
  tenant_id text not null,
  role text not null,
  added_by text not null,
  added_at timestamptz not null,
  primary key (group_id, user_id)
);
create index membership_by_user on membership (tenant_id, user_id);
create table membership_rebuild (like membership including all);

-- Whom a group may take in, as user.created told.
create table person (
  user_id text primary key,
  tenant_id text not null
);

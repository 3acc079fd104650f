alter table tenant_group
  -- Empty at the top.
  add column parent_id text not null default '',
  -- What its members hold in their tenant.
  add column permissions text[] not null default '{}',
  -- The role of people who come into the tenant; empty when they do not become members.
  add column join_role text not null default '';
create index tenant_group_by_parent on tenant_group (tenant_id, parent_id) where parent_id <> '';
create index tenant_group_joined on tenant_group (tenant_id) where join_role <> '';

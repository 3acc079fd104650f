-- What a route was, each time it was put; gone with the route. The current one is among them.
create table route_version (
  tenant_id text not null,
  name text not null,
  version integer not null,
  spec jsonb not null,
  updated_at timestamptz not null,
  primary key (tenant_id, name, version),
  foreign key (tenant_id, name) references route on delete cascade
);

insert into route_version (tenant_id, name, version, spec, updated_at)
select tenant_id, name, version, to_jsonb(route) - array['tenant_id', 'name', 'version', 'updated_at'], updated_at from route;

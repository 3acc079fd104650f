-- Counted up with each change: of two that tell of a person, the later one has the greater number.
alter table person add column version bigint not null default 1;
-- Where somebody who names no tenant belongs: with the first operator.
create index person_operators on person (created_at, user_id) where role = 'operator';
-- Those who are gone: their audit logs are still read, and belong to a tenant.
create table departed_person (
  user_id text primary key,
  tenant_id text not null,
  version bigint not null,
  departed_at timestamptz not null
);

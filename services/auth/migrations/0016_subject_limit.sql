-- How much a person, or all members of a group together, may use at the edge, and a group in tokens. Null for no limit.
create table subject_limit (
  tenant_id text not null,
  subject text not null check (subject in ('user', 'group')),
  subject_id text not null,
  requests_per_minute integer,
  max_concurrent_requests integer,
  tokens_per_minute integer,
  primary key (tenant_id, subject, subject_id)
);
-- What a group is called: whoever is refused by its limits is told. Empty of one that was neither made nor renamed since.
alter table group_access add column name text not null default '';

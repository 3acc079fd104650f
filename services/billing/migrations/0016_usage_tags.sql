-- By what a caller tells usage apart: `key=value` each, sorted. Null for most calls, which costs them nothing.
alter table usage add column tags text[];
create index usage_by_tag on usage using gin (tags) where tags is not null;

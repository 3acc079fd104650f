-- The end of each person's audit log: its number of entries and the hash of the last one. Locked while an entry is added,
-- and what the log is held against when it is checked.
create table audit_head (
  user_id text primary key,
  version bigint not null,
  hash bytea not null
);

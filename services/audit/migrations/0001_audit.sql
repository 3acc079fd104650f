-- One row for each log: where it ends, and where it begins since older entries were deleted.
create table chain (
  chain text primary key,
  sequence bigint not null,
  digest text not null,
  base_sequence bigint not null,
  base_digest text not null,
  -- Over all of the above, with a key that the database does not have; null until the first entry.
  seal bytea,
  anchored_sequence bigint not null default 0
);

create table entry (
  chain text not null,
  sequence bigint not null,
  position bigint generated always as identity unique,
  entry_id text not null unique,
  event_id text not null unique,
  act text not null,
  actor_id text not null,
  operator_id text not null,
  subject_kind text not null,
  subject_id text not null,
  -- Both null when they are not known, and once they were forgotten. The digest covers `address_digest` alone.
  client_address text,
  address_salt bytea,
  address_digest text not null,
  happened_at timestamptz not null,
  recorded_at timestamptz not null,
  details text not null,
  previous_digest text not null,
  digest text not null,
  seal bytea not null,
  primary key (chain, sequence)
);
create index entry_by_position on entry (chain, position desc);
create index entry_by_actor on entry (chain, actor_id, position desc);
create index entry_by_subject on entry (chain, subject_id, position desc);
create index entry_by_act on entry (chain, act, position desc);
create index entry_by_address on entry (chain, client_address, position desc) where client_address is not null;
create index entry_by_age on entry (recorded_at);

-- What other services have forgotten of those who are gone.
create table erased_part (
  user_id text not null references departed_person on delete cascade,
  service text not null,
  erased_at timestamptz not null,
  primary key (user_id, service)
);

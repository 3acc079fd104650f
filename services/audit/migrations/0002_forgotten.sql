-- Those who are gone: what is told of them later is kept without an address.
create table forgotten_person (
  user_id text primary key,
  forgotten_at timestamptz not null
);

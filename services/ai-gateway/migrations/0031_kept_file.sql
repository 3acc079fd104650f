-- Files of requests for accounts whose batches are made without files: what they hold is kept here, sealed, in pieces, for as long as the file is.
-- Such a file lies nowhere else: it has no name at a provider.
create table file_piece (
  file_id text not null references file on delete cascade,
  number integer not null check (number >= 0),
  sealed bytea not null,
  primary key (file_id, number)
);
-- Its answers are two files here and one thing there, which goes with the last of them.
create index file_by_upstream on file (provider_id, upstream_id);

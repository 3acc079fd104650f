create table guest (email text primary key);

create table mail_outbox (
  mail_id text primary key,
  sealed bytea not null,
  recipient bytea,
  created_at timestamptz not null,
  next_try_at timestamptz not null,
  tries integer not null
);
create index mail_outbox_by_time on mail_outbox (next_try_at);
create index mail_outbox_by_recipient on mail_outbox (recipient);

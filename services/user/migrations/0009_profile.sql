-- How the person likes Lyss to be: in which zone times are told, how pages look, and which mails are wanted.
alter table person add column time_zone text not null default 'UTC';
alter table person add column theme text not null default 'system' check (theme in ('system', 'light', 'dark'));
alter table person add column mails_budget_alerts boolean not null default true;

-- A picture of the person. Apart from the person, so that no list reads it.
create table avatar (
  user_id text primary key references person on delete cascade,
  content_type text not null check (content_type in ('image/png', 'image/jpeg', 'image/webp')),
  width integer not null,
  height integer not null,
  hash text not null,
  bytes bytea not null
);

-- Whom a mail that waits is for: a keyed hash of the address, so that what waits for somebody who is removed is found.
alter table mail_outbox add column recipient bytea;
create index mail_outbox_by_recipient on mail_outbox (recipient);

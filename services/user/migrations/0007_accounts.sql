-- When the person has shown that mails to the address arrive; null until then.
alter table person add column email_verified_at timestamptz;
-- In which language the person is written to.
alter table person add column locale text not null default 'en_US' check (locale in ('en_US', 'zh_CN'));

-- What lets whoever reads a mail do one thing, once. Only the hash of the token is here.
create table account_token (
  token_hash bytea primary key,
  purpose text not null check (purpose in ('verify_email', 'change_email', 'reset_password')),
  user_id text not null references person (user_id) on delete cascade,
  -- The address that the mail went to.
  email text not null,
  expires_at timestamptz not null
);
create index account_token_by_user on account_token (user_id, purpose);
create index account_token_by_expiry on account_token (expires_at);

-- How many mails were asked for: by address written to, and by network address asking. Keyed hashes, as in sign_in_failure.
create table mail_request (
  subject text not null,
  requested_at timestamptz not null,
  expires_at timestamptz not null
);
create index mail_request_by_subject on mail_request (subject, requested_at);
create index mail_request_by_expiry on mail_request (expires_at);

-- Sessions that are to end, until auth has said that they have.
create table session_end (
  end_id text primary key,
  tenant_id text not null,
  user_id text not null,
  except_session_id text not null,
  actor_id text not null,
  client_address text not null
);

create table mail_outbox (
  mail_id text primary key,
  sealed bytea not null,
  created_at timestamptz not null,
  next_try_at timestamptz not null,
  tries integer not null
);
create index mail_outbox_by_time on mail_outbox (next_try_at);

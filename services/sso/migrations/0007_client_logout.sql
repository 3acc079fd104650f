-- Where a program is told that somebody's session is over (OpenID Connect Back-Channel Logout 1.0); null for one that is not told.
alter table client add column backchannel_logout_uri text;
-- Whether it is told which session it was, and not only whose.
alter table client add column backchannel_logout_session_required boolean not null default false;

create index provider_login_by_session on provider_login (session_id);

-- Which programs somebody has signed in to from a browser, each with its own name for the session.
create table provider_party (
  uid_hash bytea not null references provider_login on delete cascade,
  client_id text not null references client on delete cascade,
  sid text not null,
  primary key (uid_hash, client_id)
);
create index provider_party_by_client on provider_party (client_id);

-- Programs that are still to be told of sessions that are over.
create table logout_notice (
  notice_id text primary key,
  client_id text not null references client on delete cascade,
  sid text not null,
  user_id text not null,
  tries int not null,
  due_at timestamptz not null,
  expires_at timestamptz not null
);
create index logout_notice_by_due on logout_notice (due_at);
create index logout_notice_by_client on logout_notice (client_id);
create index logout_notice_by_user on logout_notice (user_id);
create index logout_notice_by_expiry on logout_notice (expires_at);

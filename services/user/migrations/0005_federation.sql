-- People who sign on from elsewhere alone have no password.
alter table person alter column password_hash drop not null;

-- Whom a sign-on connection vouches for. A subject is the connection's own name for somebody, and means nothing elsewhere.
create table federated_identity (
  connection_id text not null,
  subject text collate "C" not null,
  user_id text not null references person on delete cascade,
  linked_at timestamptz not null,
  primary key (connection_id, subject)
);
create index federated_identity_by_user on federated_identity (user_id);

-- Domains whose people sign on from elsewhere, as the connections' events tell.
create table sign_on_rule (
  connection_id text primary key,
  tenant_id text not null,
  domains text[] not null,
  is_enforced boolean not null,
  version bigint not null
);
create index sign_on_rule_by_tenant on sign_on_rule (tenant_id);

-- Of which resources of servers of tools a client of /v1/mcp wants to hear, by whose it is (a digest) and its session.
create table mcp_subscription (
  owner text not null,
  session text not null,
  uri text not null,
  expires_at timestamptz not null,
  primary key (owner, session, uri)
);
create index mcp_subscription_by_expiry on mcp_subscription (expires_at);

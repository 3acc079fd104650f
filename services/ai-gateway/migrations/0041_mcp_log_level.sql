-- From which level on a client of /v1/mcp hears what servers of tools log, by whose it is (a digest) and its session.
create table mcp_log_level (
  owner text not null,
  session text not null,
  level text not null,
  expires_at timestamptz not null,
  primary key (owner, session)
);
create index mcp_log_level_by_expiry on mcp_log_level (expires_at);

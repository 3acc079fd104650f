-- States of aggregates, so that a load need not begin at the first event. They may be deleted at any time.
create table snapshot (
  service name not null default session_user,
  aggregate text not null,
  id text not null,
  shape int not null,
  version bigint not null,
  state jsonb not null,
  primary key (service, aggregate, id)
);
alter table snapshot enable row level security;
create policy own_rows on snapshot using (service = session_user);
revoke all on snapshot from lyss_event_log;
grant select, insert, update, delete on snapshot to lyss_service;

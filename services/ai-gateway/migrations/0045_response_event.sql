-- Responses in the background that are streamed: their events, so that a stream can be taken up again at any node.
alter table response add column is_streamed boolean not null default false;
-- What a tenant has under way is counted before another begins.
create index response_running on response (tenant_id) where is_background and status in ('queued', 'in_progress');
create table response_event (
  response_id text not null references response on delete cascade,
  -- Of the events in this row. Each row goes on where the one before it ended.
  first_sequence integer not null,
  last_sequence integer not null,
  -- The events as they are sent, packed and sealed.
  events bytea not null,
  primary key (response_id, first_sequence)
);

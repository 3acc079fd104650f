-- Responses (POST /v1/responses) that their callers may ask for again. What was said is sealed.
create table response (
  response_id text primary key,
  tenant_id text not null,
  -- The user who asked, or the key where it belongs to no user: nobody else may see it.
  owner_id text not null,
  status text not null check (status in ('queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled')),
  is_background boolean not null,
  previous_response_id text,
  -- The object as the API shows it, as it was last written; its status may have changed since.
  response bytea not null,
  -- The request's own input items.
  input bytea not null,
  -- Until then the node that serves it is believed to live.
  claimed_until timestamptz,
  expires_at timestamptz not null
);
create index response_by_expiry on response (expires_at);
create index response_open on response (claimed_until) where status in ('queued', 'in_progress');

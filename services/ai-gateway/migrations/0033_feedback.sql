-- What somebody thinks of a call's answer: one score by each name, of each who gives it. What the call was is written beside it, so that it
-- can be summed up when the call's own records are gone.
create table feedback (
  feedback_id text primary key,
  tenant_id text not null,
  call_id text not null,
  name text not null,
  -- The person or key that has given it, and whom they give it for, as they say.
  actor_id text not null,
  author text not null,
  kind text not null check (kind in ('number', 'boolean', 'label')),
  -- Of a boolean 1 or 0.
  number double precision check ((number is null) = (kind = 'label')),
  label text check ((label is null) = (kind <> 'label')),
  comment text not null,
  provider text not null,
  model text not null,
  -- Empty and null for none.
  route text not null,
  route_version integer,
  prompt text not null,
  prompt_version integer,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null,
  unique (tenant_id, call_id, name, actor_id, author)
);
create index feedback_by_time on feedback (tenant_id, created_at, feedback_id);
create index feedback_by_actor on feedback (actor_id);
create index feedback_by_expiry on feedback (expires_at);

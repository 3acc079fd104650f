-- A video is made at one account of a provider. What is asked of it, its prompt and pictures, is kept nowhere here.
create table video (
  video_id text primary key,
  tenant_id text not null,
  -- The user who asked, or the key where it belongs to no user: nobody else may see it.
  owner_id text not null,
  key_id text not null,
  user_id text not null,
  request_id text not null,
  tags text not null,
  provider_id text not null,
  -- As it was asked for, and as the provider's account has it.
  model text not null,
  target_model text not null,
  seconds integer not null check (seconds > 0),
  size text not null,
  -- The price at which a second is charged; the money lies in a lease that bears the video's name.
  price_id text not null,
  -- Once the provider has taken it.
  upstream_id text,
  status text not null check (status in ('queued', 'in_progress', 'completed', 'failed')),
  progress integer not null check (progress between 0 and 100),
  -- Why it failed.
  error_code text,
  -- Unix seconds.
  completed_at bigint,
  expires_at bigint,
  -- Once it has ended, its seconds are charged, and the rest of its money is back.
  is_settled boolean not null,
  -- Until then one node is at work on it.
  claimed_until timestamptz,
  polled_at timestamptz,
  created_at timestamptz not null
);
create index video_by_owner on video (tenant_id, owner_id, video_id);
create index video_by_owner_alone on video (owner_id);
create index video_open on video (polled_at) where not is_settled;
